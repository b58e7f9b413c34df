"""Compares what orgkeep commits with what Salesforce's own CLI retrieves; see `compare`."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from xml.etree.ElementTree import canonicalize, fromstring, tostring

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("ORGKEEP_SHARED", ROOT.parent / "shared"))
ORGKEEP = Path(os.environ.get("ORGKEEP", ROOT / "target/release/orgkeep")).resolve()
CORPORA = ["dreamhouse", "easy-spaces", "ebikes", "coral-cloud", "eda"]
# `sf project generate manifest --from-org` does not look into their folder `unfiled$public`.
UNLISTED = ["Report", "EmailTemplate"]
# What a user edits: one file of each pattern, and the text put in place of another.
EDITS = [
    ("*.cls", re.compile(r"\Z"), "// edited\n"),
    ("*.field-meta.xml", re.compile(r"<label>[^<]*</label>"), "<label>Edited</label>"),
    ("*.listView-meta.xml", re.compile(r"<label>[^<]*</label>"), "<label>Edited</label>"),
    ("*.validationRule-meta.xml", re.compile(r"<errorMessage>[^<]*<"), "<errorMessage>Edited<"),
    ("*.permissionset-meta.xml", re.compile(r"<label>[^<]*</label>"), "<label>Edited</label>"),
    ("*.flexipage-meta.xml", re.compile(r"<masterLabel>[^<]*<"), "<masterLabel>Edited<"),
    ("*.report-meta.xml", re.compile(r"<name>[^<]*</name>(?=\s*<reportType>)"), "<name>Edited</name>"),
    ("lwc/*/*.js", re.compile(r"\Z"), "// edited\n"),
    ("*.labels-meta.xml", re.compile(r"<value>[^<]*</value>"), "<value>Edited</value>"),
]


class Failed(Exception):
    """A comparison that did not hold."""


def need(condition, why):
    if not condition:
        raise Failed(why)


def run(command, cwd, env, status=(0,), timeout=600):
    done = subprocess.run(
        [str(it) for it in command], cwd=cwd, env=env, capture_output=True, text=True,
        timeout=timeout, stdin=subprocess.DEVNULL, check=False,
    )
    if done.returncode not in status:
        raise Failed(f"{' '.join(map(str, command[:6]))}: status {done.returncode}\n"
                     f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done


def undeployable():
    """Patterns of what `sf` cannot deploy from its own files: the table in docs/fidelity.md."""
    text = (ROOT / "docs/fidelity.md").read_text(encoding="utf-8")
    table = text.split("## What `sf` cannot deploy", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"(?m)^\| `([^`]+)` \|", table)


def files(folder):
    return {str(it.relative_to(folder)): it for it in sorted(folder.rglob("*")) if it.is_file()}


def content(path):
    """What a file says: an org spells and sorts the XML that it is given in its own way."""
    data = path.read_bytes()
    if not data.startswith(b"<?xml "):
        return data
    text = canonicalize(data.decode(), strip_text=True)
    if path.name.endswith(".permissionset-meta.xml"):
        return sorted(canonicalize(tostring(it, "unicode")) for it in fromstring(text))
    return text


def differences(ours, theirs, read=Path.read_bytes):
    """One line for each file that only one of the two folders has, or that differs."""
    ours, theirs = files(ours), files(theirs)
    lines = [f"only orgkeep writes {it}" for it in sorted(set(ours) - set(theirs))]
    lines += [f"only sf writes {it}" for it in sorted(set(theirs) - set(ours))]
    lines += [f"differs: {it}" for it in sorted(set(ours) & set(theirs))
              if read(ours[it]) != read(theirs[it])]
    return lines


def equal(ours, theirs, what, read=Path.read_bytes):
    lines = differences(ours, theirs, read)
    need(not lines, f"{what}: {len(lines)} differences\n  " + "\n  ".join(lines[:20]))


class Comparison:
    """One simulated org, a repository of it, and `sf` beside it."""

    def __init__(self, name, load, work):
        self.name, self.work = name, work
        self.home = work / "home"
        self.home.mkdir(parents=True)
        keep = {"PATH", "LANG", "TMPDIR", "NODE_EXTRA_CA_CERTS"}
        self.env = {key: value for key, value in os.environ.items() if key in keep}
        self.env |= {
            "HOME": str(self.home), "NO_COLOR": "1", "SF_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1",
            "SF_AUTOUPDATE_DISABLE": "true", "SF_SKIP_NEW_VERSION_CHECK": "true", "SF_LOG_LEVEL": "fatal",
            "SF_USE_GENERIC_UNIX_KEYCHAIN": "true", "SF_DISABLE_DNS_CHECK": "true",
            "SF_DISABLE_LOG_FILE": "true", "SF_USE_PROGRESS_BAR": "false",
            "GIT_AUTHOR_NAME": "Gate", "GIT_AUTHOR_EMAIL": "gate@example.com",
            "GIT_COMMITTER_NAME": "Gate", "GIT_COMMITTER_EMAIL": "gate@example.com",
        }
        self.times = {}
        command = [ORGKEEP, "simorg", "serve"] + (["--load", load] if load else [])
        self.log = open(work / "simorg.log", "w", encoding="utf-8")
        self.org = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, env=self.env, text=True)
        line = self.org.stdout.readline()
        need(line, f"the simulated org did not start: {(work / 'simorg.log').read_text()[-500:]}")
        self.ready = json.loads(line)
        self.version = self.ready["api_version"]
        self.admin, self.jane = self.ready["users"][0], self.ready["users"][1]

    def close(self):
        self.org.send_signal(signal.SIGTERM)
        self.org.wait(timeout=30)
        self.log.close()

    def timed(self, what, act):
        began = time.monotonic()
        value = act()
        self.times[what] = time.monotonic() - began
        return value

    def sf(self, *arguments, cwd=None, status=(0,)):
        done = run(["sf", *arguments, "--json"], cwd or self.work, self.env, status)
        return json.loads(done.stdout[done.stdout.index("{"):])

    def orgkeep(self, *arguments, status=(0,)):
        env = self.env | {"SF_ORG_INSTANCE_URL": self.ready["url"], "SF_ACCESS_TOKEN": self.admin["token"]}
        return run([ORGKEEP, *arguments], self.work / "repo", env, status).stdout

    def git(self, *arguments):
        return run(["git", *arguments], self.work / "repo", self.env).stdout.strip()

    def log_in(self):
        for user, alias in ((self.admin, "admin"), (self.jane, "jane")):
            env = self.env | {"SF_ACCESS_TOKEN": user["token"]}
            run(["sf", "org", "login", "access-token", "--instance-url", self.ready["url"], "--no-prompt",
                 "--alias", alias], self.work, env)

    def initialise(self):
        run([ORGKEEP, "init", "repo"], self.work, self.env)
        settings = self.work / "repo/orgkeep.toml"
        text = settings.read_text()
        text = re.sub(r"(?m)^api_version = .*", f'api_version = "{self.version}"', text)
        text = text.replace('#level = "canonical"', 'level = "faithful"').replace('#redact = "on"', 'redact = "off"')
        need('\nlevel = "faithful"' in text and '\nredact = "off"' in text, "orgkeep.toml has other lines now")
        settings.write_text(text)
        self.git("commit", "--quiet", "--all", "--message", "Keep the bytes that sf writes")

    def committed(self, folder):
        """The tree at HEAD, as a folder."""
        folder = self.work / folder
        folder.mkdir()
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=self.work / "repo", env=self.env,
                                 capture_output=True, check=True).stdout
        subprocess.run(["tar", "x", "-C", folder], input=archive, check=True)
        return folder / "force-app/main/default"

    def project(self, folder):
        folder = self.work / folder
        (folder / "force-app/main/default").mkdir(parents=True)
        project = {"packageDirectories": [{"path": "force-app", "default": True}], "namespace": "",
                   "sfdcLoginUrl": "https://login.salesforce.com", "sourceApiVersion": self.version}
        (folder / "sfdx-project.json").write_text(json.dumps(project))
        shutil.copy(self.work / "repo/.forceignore", folder)
        return folder

    def retrieve(self, folder):
        """What `sf` retrieves of everything, into a new project."""
        project = self.project(folder)
        manifest = self.work / "manifest/all.xml"
        if not manifest.exists():
            self.sf("project", "generate", "manifest", "--from-org", "admin", "--output-dir", manifest.parent,
                    "--name", "all", cwd=project)
            self.name_unlisted(manifest)
        answer = self.sf("project", "retrieve", "start", "--target-org", "admin", "--manifest", manifest, cwd=project)
        messages = answer["result"].get("messages") or []
        need(not messages, f"sf retrieves with messages: {json.dumps(messages)[:1000]}")
        return project / "force-app/main/default"

    def name_unlisted(self, manifest):
        text = manifest.read_text()
        for type_name in UNLISTED:
            answer = self.sf("org", "list", "metadata", "--metadata-type", type_name, "--folder", "unfiled$public",
                             "--target-org", "admin")
            members = "".join(f"<members>{it['fullName']}</members>" for it in answer["result"] or [])
            if members:
                text = text.replace("<version>", f"<types>{members}<name>{type_name}</name></types><version>")
        manifest.write_text(text)

    def deploy_all(self):
        """Deploys a clone of the repository with `sf`, all but what `sf` itself cannot deploy."""
        clone = self.work / "clone"
        self.git("clone", "--quiet", ".", clone)
        with open(clone / ".forceignore", "a", encoding="utf-8") as ignore:
            ignore.writelines(f"{it}\n" for it in undeployable())
        self.sf("project", "deploy", "start", "--target-org", "admin", "--source-dir", "force-app", cwd=clone)

    def edit(self, source):
        """Changes some files of a copy of `source` and deploys them as Jane."""
        project = self.project("edit")
        shutil.copytree(source, project / "force-app/main/default", dirs_exist_ok=True)
        edited = []
        for ending, pattern, text in EDITS:
            for path in sorted(project.rglob(ending)):
                before = path.read_text(encoding="utf-8")
                after = pattern.sub(lambda _, text=text: text, before, count=1)
                if after != before:
                    path.write_text(after, encoding="utf-8")
                    edited.append(path)
                    break
        need(edited, "nothing to edit")
        arguments = [part for path in edited for part in ("--source-dir", path)]
        self.sf("project", "deploy", "start", "--target-org", "jane", *arguments, cwd=project)
        return [str(it.relative_to(project)) for it in edited]

    def compare(self):
        self.log_in()
        self.initialise()
        self.timed("snapshot", lambda: self.orgkeep("snapshot"))
        first = self.git("rev-parse", "HEAD")
        self.timed("second snapshot", lambda: self.orgkeep("snapshot"))
        need(self.git("rev-parse", "HEAD") == first, "a second snapshot made a commit")
        need(not self.git("status", "--porcelain"), "git status is not clean")

        ours = self.committed("first")
        theirs = self.timed("sf retrieve", lambda: self.retrieve("retrieved"))
        equal(ours, theirs, "the first snapshot and what sf retrieves")

        self.timed("sf deploy of all", self.deploy_all)
        self.orgkeep("snapshot")
        need(self.git("rev-parse", "HEAD") == first, "sf deployed the tree as it stands, and something changed")

        edited = self.timed("sf deploy", lambda: self.edit(theirs))
        self.timed("third snapshot", lambda: self.orgkeep("snapshot"))
        changed = self.git("diff", "--name-only", first, "HEAD", "--", "force-app").splitlines()
        need(set(edited) <= set(changed), f"edited {edited}, but the snapshot changed {changed}")
        commits = json.loads(self.orgkeep("log", "--json"))["commits"]
        since = self.git("rev-list", f"{first}..HEAD").splitlines()
        authors = {it["author"] for it in commits if it["commit"] in since}
        need(authors == {self.jane["name"]}, f"Jane edited, and the log names {authors}")
        equal(self.committed("second"), self.retrieve("retrieved-edited"), "the edited org and what sf retrieves")

        self.timed("rollback", lambda: self.orgkeep("rollback", "--to", first, "--all", "--yes"))
        equal(self.committed("third"), ours, "the tree after the rollback and the one before the edit", content)
        equal(self.retrieve("retrieved-again"), theirs, "what sf retrieves after the rollback and before it", content)
        need(not self.git("status", "--porcelain"), "git status is not clean")
        spent = ", ".join(f"{what} {seconds:.1f} s" for what, seconds in self.times.items())
        print(f"ok {self.name}: {len(files(ours))} files equal, {len(edited)} edited and rolled back; {spent}", flush=True)


def main(names):
    n_failed = 0
    for name in names or ["fixture", *CORPORA]:
        load = None if name == "fixture" else SHARED / "corpora" / name / "mdapi.zip"
        if load and not load.is_file():
            print(f"left out: the comparison with sf on {name} (it is not here)", flush=True)
            continue
        work = Path(tempfile.mkdtemp(prefix="orgkeep-compare-"))
        comparison = None
        try:
            comparison = Comparison(name, load, work)
            comparison.compare()
        except (Failed, subprocess.TimeoutExpired) as why:
            n_failed += 1
            print(f"FAIL {name}: {why}", flush=True)
        finally:
            if comparison:
                comparison.close()
            if "KEEP" in os.environ:
                shutil.copytree(work, Path(os.environ["KEEP"]) / name, dirs_exist_ok=True, symlinks=True)
            shutil.rmtree(work, ignore_errors=True)
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
