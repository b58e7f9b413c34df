"""orgkeep beside SFDMU on one simulated org; see `peers`.

    peers.py SOURCE TARGET SFDMU    two ready lines of simulated orgs, and the folder with SFDMU
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parent.parent
ORGKEEP = Path(os.environ.get("ORGKEEP", ROOT / "target/release/orgkeep")).resolve()
SOURCE, TARGET = (json.loads(Path(it).read_text(encoding="utf-8")) for it in sys.argv[1:3])
SFDMU = Path(sys.argv[3])
WORK = Path(tempfile.mkdtemp(prefix="peers-"))
# What is moved: rows that lead to each other, and the key that each is found by in the other org, of one
# or more fields.
SET = {
    "Account": ("AccountNumber", ["Name", "AccountNumber", "Industry", "Phone", "BillingCity", "Description", "AnnualRevenue",
                                  "ParentId"]),
    "Contact": ("Email", ["FirstName", "LastName", "Email", "Title", "Phone", "Birthdate", "AccountId", "ReportsToId"]),
    "Opportunity": ("Name;CloseDate", ["Name", "StageName", "CloseDate", "Amount", "Description", "AccountId"]),
}
# How a lookup is told by the key of the row that it leads to.
KEYS = {"ParentId": "Parent.AccountNumber", "AccountId": "Account.AccountNumber", "ReportsToId": "ReportsTo.Email"}
# Its command without the CLI that it plugs into, whose time and memory are not its own.
RUN = """
const root = process.env.SFDMU_ROOT;
const command = require(root + '/lib/commands/sfdmu/run').default;
command.plugin = { root, name: 'sfdmu' };
require('@oclif/config').load(root)
  .then(config => command.run(JSON.parse(process.env.SFDMU_ARGUMENTS), config))
  .catch(error => { console.error(error); process.exit(1); });
"""


def measured(name, command, cwd, env=None):
    """Runs a command; prints and gives its wall time and the peak memory of its process."""
    log = WORK / "log.txt"
    start = time.time()
    with open(log, "wb") as out:
        child = subprocess.Popen([str(it) for it in command], cwd=cwd, env={**os.environ, **(env or {})},
                                 stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.time() - start
    print(f"{name:<42} {wall:7.1f} s wall {usage.ru_utime + usage.ru_stime:7.1f} s CPU {usage.ru_maxrss / 1024:7.0f} MB",
          flush=True)
    text = log.read_text(encoding="utf-8", errors="replace")
    if child.returncode != 0:
        print(text[-3000:])
        sys.exit(f"{name}: status {child.returncode}")
    return text


def query(org, soql):
    token = org["users"][0]["token"]
    path = f"/services/data/v{org['api_version']}/query?q={quote(soql)}"
    rows = []
    while path:
        with urlopen(Request(org["url"] + path, headers={"Authorization": f"Bearer {token}"})) as answer:
            page = json.load(answer)
        rows += page["records"]
        path = page.get("nextRecordsUrl")
    return rows


def told(org, name):
    """The rows of an object by key, lookups as keys of what they lead to."""
    key, fields = SET[name]
    asked = [KEYS.get(it, it) for it in fields]
    rows = {}
    for record in query(org, f"SELECT {', '.join(asked)} FROM {name}"):
        row = {}
        for path in asked:
            value = record
            for part in path.split("."):
                value = value and value[part]
            row[path] = value
        rows[";".join(str(row[it]) for it in key.split(";"))] = row
    return rows


def script(folder, operation, orgs):
    folder.mkdir(exist_ok=True)
    objects = [{"query": f"SELECT {', '.join(fields)} FROM {name}", "operation": operation, "externalId": key}
               for name, (key, fields) in SET.items()]
    named = [{"name": name, "instanceUrl": org["url"], "accessToken": org["users"][0]["token"]}
             for name, org in orgs.items()]
    text = {"orgs": named, "objects": objects, "apiVersion": "62.0", "promptOnMissingParentObjects": False,
            "promptOnIssuesInCSVFiles": False, "allOrNone": False, "pollingIntervalMs": 500}
    (folder / "export.json").write_text(json.dumps(text), encoding="utf-8")


def sfdmu(name, folder, source, target):
    arguments = ["--sourceusername", source, "--targetusername", target, "--path", str(folder), "--noprompt", "--nowarnings"]
    env = {"SFDMU_ARGUMENTS": json.dumps(arguments), "SFDMU_ROOT": str(SFDMU / "node_modules/sfdmu"),
           "HOME": str(WORK), "NODE_PATH": str(SFDMU / "node_modules")}
    return measured(name, ["node", "-e", RUN], SFDMU, env)


def compare(before):
    """How many rows came over whole."""
    for name in SET:
        source, target = told(SOURCE, name), told(TARGET, name)
        wrong = {key for key, row in source.items() if target.get(key) != row}
        more = set(target) - set(source) - before[name]
        print(f"  {name}: {len(source) - len(wrong)} of {len(source)} rows right by {SET[name][0]}, {len(more)} others")
        for key in sorted(wrong, key=str)[:2]:
            print(f"    {key}: {source[key]}\n      became {target.get(key)}")


def main():
    version = json.loads((SFDMU / "node_modules/sfdmu/package.json").read_text(encoding="utf-8"))["version"]
    counts = {name: len(query(SOURCE, f"SELECT Id FROM {name}")) for name in SET}
    print(f"SFDMU {version}; {', '.join(f'{count} {name}' for name, count in counts.items())}")
    before = {name: set(told(TARGET, name)) for name in SET}
    folder = WORK / "sfdmu"
    script(folder, "Readonly", {"source": SOURCE})
    sfdmu("SFDMU: export", folder, "source", "csvfile")
    script(folder, "Upsert", {"target": TARGET})
    output = sfdmu("SFDMU: import of what it exported", folder, "csvfile", "target")
    for line in re.findall(r"(?im)^.*(?:missing|failed).*$", output)[:5]:
        print(f"  said: {line.strip()}")
    compare(before)
    repo = WORK / "repo"
    subprocess.run([ORGKEEP, "init", repo], check=True, capture_output=True)
    env = {"SF_ORG_INSTANCE_URL": SOURCE["url"], "SF_ACCESS_TOKEN": SOURCE["users"][0]["token"], "HOME": str(WORK)}
    measured("orgkeep records export, every field", [ORGKEEP, "records", "export", *SET], repo, env)


main()
