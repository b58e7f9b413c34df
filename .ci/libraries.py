"""Libraries of other languages' users against the simulated org: simple-salesforce and salesforce-bulk.

    libraries.py READY      READY is the line of an org that serves TLS, for both know nothing else
"""

import csv
import io
import json
import os
import sys
import time
from pathlib import Path

READY = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
os.environ["REQUESTS_CA_BUNDLE"] = READY["ca_file"]

from simple_salesforce import Salesforce  # noqa: E402 (the certificate is read on import)

HOST, TOKEN = READY["url"].split("://")[1], READY["users"][0]["token"]
sf = Salesforce(instance=HOST, session_id=TOKEN, version="62.0")
failures = 0


def check(name, act):
    global failures
    start = time.time()
    try:
        why = act()
    except Exception as err:  # whatever a library makes of an answer
        why = f"{type(err).__name__} {err}"
    failures += bool(why)
    print(f"FAIL {name}: {why}" if why else f"ok {name} ({time.time() - start:.1f} s)", flush=True)


def names(like):
    return sorted(it["Name"] for it in sf.query_all(f"SELECT Name FROM Account WHERE Name LIKE '{like}'")["records"])


def ids(like):
    return [it["Id"] for it in sf.query_all(f"SELECT Id FROM Account WHERE Name LIKE '{like}' ORDER BY Name")["records"]]


def bulk():
    made = sf.bulk.Account.insert([{"Name": f"One{it}"} for it in range(250)] + [{"Industry": "x"}], batch_size=100)
    if [it["success"] for it in made] != [True] * 250 + [False]:
        return "not each row has the result of its own"
    if made[-1]["errors"][0]["statusCode"] != "REQUIRED_FIELD_MISSING":
        return made[-1]
    changed = sf.bulk.Account.update([{"Id": it["id"], "Industry": "Energy"} for it in made[:250]])
    if not all(it["success"] for it in changed):
        return changed[:2]
    rows = sf.bulk.Account.query("SELECT Id, Name, CreatedDate FROM Account WHERE Industry = 'Energy' AND Name LIKE 'One%'")
    if sorted(it["Name"] for it in rows) != names("One%"):
        return f"{len(rows)} rows"
    up = sf.bulk.Account.upsert([{"Id": made[0]["id"], "Name": "One again"}, {"Name": "One more"}], "Id")
    if [it["created"] for it in up] != [False, True]:
        return up
    gone = sf.bulk.Account.delete([{"Id": it} for it in ids("One%")])
    return None if all(it["success"] for it in gone) and not names("One%") else gone[:2]


def bulk2():
    rows = [{"Name": f"Two{it:03}", "Description": f"a, \"b\"\nc{it}"} for it in range(300)]
    told = sf.bulk2.Account.insert(records=rows, batch_size=120)
    if sum(it["numberRecordsProcessed"] for it in told) != 300 or any(it["numberRecordsFailed"] for it in told):
        return told
    pages = sf.bulk2.Account.query("SELECT Name, Description FROM Account WHERE Name LIKE 'Two%'", max_records=70)
    found = [row for page in pages for row in csv.DictReader(io.StringIO(page, newline=""))]
    if sorted(found, key=lambda it: it["Name"]) != rows:
        return f"{len(found)} rows, or other values"
    told = sf.bulk2.Account.update(records=[{"Id": it, "Industry": "Media"} for it in ids("Two%")])
    if told[0]["numberRecordsFailed"]:
        return told
    told = sf.bulk2.Account.upsert(records=[{"Id": ids("Two%")[0], "Name": "Two000"}, {"Id": "", "Name": "Two new"}],
                                   external_id_field="Id")
    if told[0]["numberRecordsProcessed"] != 2 or told[0]["numberRecordsFailed"] or len(names("Two%")) != 301:
        return told
    results = sf.bulk2.Account.get_all_ingest_records(told[0]["job_id"])
    if len(results["successfulRecords"]) != 2 or results["failedRecords"] or results["unprocessedRecords"]:
        return results
    told = sf.bulk2.Account.delete(records=[{"Id": it} for it in ids("Two%")])
    return told if names("Two%") or told[0]["numberRecordsFailed"] else None


def classic():
    from salesforce_bulk import CsvDictsAdapter, SalesforceBulk
    client = SalesforceBulk(sessionId=TOKEN, host=HOST, API_version="62.0")
    job = client.create_insert_job("Account", contentType="CSV", concurrency="Parallel")
    batch = client.post_batch(job, CsvDictsAdapter(iter([{"Name": "Three 1"}, {"Name": "Three, \"2\""}])))
    client.wait_for_batch(job, batch, timeout=60, sleep_interval=0.2)
    results = client.get_batch_results(batch, job)
    client.close_job(job)
    if [it.success for it in results] != ["true", "true"]:
        return results
    job = client.create_query_job("Account", contentType="CSV")
    batch = client.query(job, "SELECT Name FROM Account WHERE Name LIKE 'Three%' ORDER BY Name")
    client.close_job(job)
    client.wait_for_batch(job, batch, timeout=60, sleep_interval=0.2)
    text = b"".join(b"".join(it) for it in client.get_all_results_for_query_batch(batch))
    rows = [it["Name"] for it in csv.DictReader(io.StringIO(text.decode()))]
    if rows != ["Three 1", "Three, \"2\""]:
        return rows
    job = client.create_delete_job("Account", contentType="CSV")
    batch = client.post_batch(job, CsvDictsAdapter(iter([{"Id": it} for it in ids("Three%")])))
    client.wait_for_batch(job, batch, timeout=60, sleep_interval=0.2)
    return names("Three%") or None


check("simple-salesforce: bulk", bulk)
check("simple-salesforce: bulk2", bulk2)
try:
    import salesforce_bulk  # noqa: F401
    check("salesforce-bulk", classic)
except ImportError:
    print("left out: salesforce-bulk (it is not installed)")
sys.exit(1 if failures else 0)
