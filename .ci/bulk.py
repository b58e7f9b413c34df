"""Records by the Bulk API: what `sf`, simple-salesforce and orgkeep read and write in one org agree.

    bulk.py READY       READY is the file with the line that the simulated org printed

CHECKS is a regular expression of the checks to make, all of them by default.
"""

import csv
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parent.parent
ORGKEEP = Path(os.environ.get("ORGKEEP", ROOT / "target/release/orgkeep")).resolve()
READY = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
URL, TOKEN, API = READY["url"], READY["users"][0]["token"], READY["api_version"]
WORK = Path(tempfile.mkdtemp(prefix="bulk-"))
REPO = WORK / "repo"
ENV = {**os.environ, "HOME": str(WORK), "SF_ORG_INSTANCE_URL": URL, "SF_ACCESS_TOKEN": TOKEN,
       "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@acme.example",
       "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@acme.example"}
OBJECTS = ["Account", "Contact", "Opportunity", "Case", "Task", "Project__c", "Milestone__c", "PricebookEntry"]
NUMBERS = {"int", "double", "currency", "percent", "long"}
failures = 0


class Failed(Exception):
    """A check that did not hold."""


def need(condition, why):
    if not condition:
        raise Failed(why)


def check(name, act):
    global failures
    if not re.search(os.environ.get("CHECKS", "."), name):
        return
    start = time.time()
    try:
        act()
        print(f"ok {name} ({time.time() - start:.1f} s)", flush=True)
    except (Failed, subprocess.TimeoutExpired, KeyError, ValueError) as why:
        failures += 1
        print(f"FAIL {name}: {type(why).__name__} {why}", flush=True)


def run(*command, cwd=WORK, status=(0,)):
    done = subprocess.run([str(it) for it in command], cwd=cwd, env=ENV, capture_output=True, text=True,
                          timeout=300, stdin=subprocess.DEVNULL, check=False)
    need(done.returncode in status,
         f"{' '.join(map(str, command[:5]))}: status {done.returncode}: {done.stdout[-600:]} {done.stderr[-600:]}")
    return done.stdout


def sf(*command):
    return json.loads(run("sf", "data", *command, "-o", "company", "--json"))["result"]


def rest(path):
    request = Request(f"{URL}/services/data/v{API}{path}", headers={"Authorization": f"Bearer {TOKEN}"})
    with urlopen(request) as answer:
        return json.load(answer)


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def count(soql):
    return sf("query", "-q", soql)["totalSize"]


def write(name, header, rows, **dialect):
    path = WORK / name
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, **{"lineterminator": "\n", **dialect})
        writer.writerow(header)
        writer.writerows(rows)
    return path


def value(text, kind):
    """One spelling for each value, whichever client wrote it."""
    if kind in NUMBERS and text:
        try:
            return str(Decimal(text).normalize())
        except InvalidOperation:
            return text
    if kind == "datetime":
        return text.replace("+0000", "Z")
    return text


def login():
    ENV["SF_ACCESS_TOKEN"] = TOKEN
    run("sf", "org", "login", "access-token", "--instance-url", URL, "--no-prompt", "--alias", "company")


def repository():
    run(ORGKEEP, "init", REPO)
    names = ", ".join(f'"{it}"' for it in OBJECTS)
    with open(REPO / "orgkeep.toml", "a", encoding="utf-8") as file:
        file.write(f"\n[records]\nobjects = [{names}]\nsetup = false\nformulas = true\n")
    run(ORGKEEP, "records", "export", cwd=REPO)


def exported(name):
    """The rows of an object as orgkeep committed them."""
    branch = run("git", "for-each-ref", "--format=%(refname:short)", "refs/heads/records", cwd=REPO).split()[-1]
    files = run("git", "ls-tree", "-r", "--name-only", branch, f"records/{name}/", cwd=REPO).splitlines()
    rows = []
    for path in files:
        if path.endswith(".csv"):
            rows += csv.DictReader(io.StringIO(run("git", "show", f"{branch}:{path}", cwd=REPO), newline=""))
    return rows


def agree(name):
    ours = {it["Id"]: it for it in exported(name)}
    need(ours, f"orgkeep exported no {name}")
    columns = list(next(iter(ours.values())))
    path = WORK / f"{name}.csv"
    told = sf("export", "bulk", "-q", f"SELECT {', '.join(columns)} FROM {name}", "--output-file", path,
              "--result-format", "csv", "--wait", "10")
    theirs = {it["Id"]: it for it in rows_of(path)}
    need(told["totalSize"] == len(theirs) == len(ours), f"{told['totalSize']}, {len(theirs)} and {len(ours)} rows")
    kinds = {it["name"]: it["type"] for it in rest(f"/sobjects/{name}/describe")["fields"]}
    # Whole records, so that a column that one of the two lacks would be seen as well.
    lacking = [it for it, kind in kinds.items() if it not in columns and kind not in ("address", "location", "base64")]
    volatile = {"LastViewedDate", "LastReferencedDate", "SystemModstamp", "LastLoginDate", "PhotoUrl"}
    need(set(lacking) <= volatile, f"orgkeep lacks {sorted(set(lacking) - volatile)}")
    for key, theirs_row in theirs.items():
        for column in columns:
            a, b = value(ours[key][column], kinds[column]), value(theirs_row[column], kinds[column])
            need(a == b, f"{key} {column}: orgkeep has {a!r}, sf has {b!r}")


def imports():
    accounts = [it["Id"] for it in sf("query", "-q", "SELECT Id FROM Account LIMIT 50")["records"]]
    rows = [[f"Bulk{it:04}", accounts[it % 50], "one, \"two\"\nthree" if it % 7 == 0 else f"plain {it}",
             "2026-02-03", "true"] for it in range(2_500)]
    path = write("contacts.csv", ["LastName", "AccountId", "Description", "Birthdate", "DoNotCall"], rows)
    told = sf("import", "bulk", "--file", path, "--sobject", "Contact", "--wait", "10")
    need((told["processedRecords"], told["failedRecords"]) == (2_500, 0), told)
    got = sf("query", "-q", "SELECT Id, LastName, AccountId, Description, Birthdate, DoNotCall FROM Contact "
             "WHERE LastName LIKE 'Bulk%' ORDER BY LastName")["records"]
    want = [[row[0], row[1], row[2], row[3], True] for row in rows]
    have = [[it["LastName"], it["AccountId"], it["Description"], it["Birthdate"], it["DoNotCall"]] for it in got]
    need(have == want, "what was imported is not what is there")
    imports.ids = [it["Id"] for it in got]


def updates():
    ids = imports.ids
    path = write("update.csv", ["Id", "Birthdate", "Title"],
                 [[it, "#N/A", "Chief; of \"all\""] for it in ids[:1_500]], delimiter=";", lineterminator="\r\n")
    told = sf("update", "bulk", "--file", path, "--sobject", "Contact", "--wait", "10",
              "--line-ending", "CRLF", "--column-delimiter", "SEMICOLON")
    need((told["processedRecords"], told["failedRecords"]) == (1_500, 0), told)
    where = "LastName LIKE 'Bulk%' AND Birthdate = null AND Title = 'Chief; of \"all\"'"
    need(count(f"SELECT count() FROM Contact WHERE {where}") == 1_500, "the values are not there")


def upserts():
    ids = imports.ids
    path = write("upsert.csv", ["Id", "LastName", "Department"],
                 [[it, "Bulk9000", "Up"] for it in ids[:100]] + [["", f"Bulk9{it:03}", "New"] for it in range(1, 101)])
    told = sf("upsert", "bulk", "--file", path, "--sobject", "Contact", "--external-id", "Id", "--wait", "10")["jobInfo"]
    need((int(told["numberRecordsProcessed"]), int(told["numberRecordsFailed"])) == (200, 0), told)
    need(count("SELECT count() FROM Contact WHERE LastName LIKE 'Bulk%'") == 2_600, "not one new row for each")


def deletes():
    found = sf("query", "-q", "SELECT Id FROM Contact WHERE LastName LIKE 'Bulk%'")["records"]
    path = write("delete.csv", ["Id"], [[it["Id"]] for it in found])
    told = sf("delete", "bulk", "--file", path, "--sobject", "Contact", "--wait", "10")["jobInfo"]
    need((int(told["numberRecordsProcessed"]), int(told["numberRecordsFailed"])) == (2_600, 0), told)
    need(count("SELECT count() FROM Contact WHERE LastName LIKE 'Bulk%'") == 0, "rows survive")


def queries():
    got = sf("query", "-q", "SELECT Name, Owner.Name, (SELECT LastName FROM Contacts LIMIT 2) FROM Account "
             "WHERE Parent.Name != null ORDER BY CreatedDate DESC LIMIT 5")
    need(got["totalSize"] == 5 and all(it["Owner"]["Name"] for it in got["records"]), got)
    table = run("sf", "data", "query", "-q", "SELECT Id, Account.Name, Amount FROM Opportunity ORDER BY Id LIMIT 3",
                "-o", "company", "--result-format", "csv")
    need(len(list(csv.DictReader(io.StringIO(table)))) == 3 and "Account.Name" in table, table)
    groups = sf("query", "-q", "SELECT StageName, COUNT(Id) n, SUM(Amount) s FROM Opportunity GROUP BY StageName")
    need(sum(it["n"] for it in groups["records"]) == count("SELECT count() FROM Opportunity"), groups)


def trees():
    """Accounts with their contacts, out of the org as files and into it again."""
    out = WORK / "tree"
    out.mkdir()
    sf("export", "tree", "-q", "SELECT Name, Industry, (SELECT LastName, Email FROM Contacts) FROM Account "
       "WHERE Id IN (SELECT AccountId FROM Contact) ORDER BY CreatedDate DESC LIMIT 20",
       "--plan", "--output-dir", out)
    before = count("SELECT count() FROM Account"), count("SELECT count() FROM Contact")
    plan = next(out.glob("*plan.json"))
    made = sf("import", "tree", "--plan", plan)
    kinds = [it["type"] for it in made]
    after = count("SELECT count() FROM Account"), count("SELECT count() FROM Contact")
    need(after[0] - before[0] == kinds.count("Account") == 20, f"{kinds.count('Account')} accounts, {before} {after}")
    need(after[1] - before[1] == kinds.count("Contact") > 0, f"{kinds.count('Contact')} contacts, {before} {after}")


check("sf logs in", login)
check("orgkeep records export", repository)
for name in OBJECTS:
    check(f"sf data export bulk and orgkeep records export agree on every row of {name}", lambda name=name: agree(name))
check("sf data import bulk stores what the file says", imports)
check("sf data update bulk with CRLF, semicolons and #N/A", updates)
check("sf data upsert bulk changes what is there and makes the rest", upserts)
check("sf data delete bulk removes every row", deletes)
check("sf data query: parents, children, groups, CSV", queries)
check("sf data export tree and import tree", trees)
sys.exit(1 if failures else 0)
