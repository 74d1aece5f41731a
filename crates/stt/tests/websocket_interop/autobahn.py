"""The cases of the Autobahn test suite against the listener at URL, which sends nothing back.

    autobahn.py URL CASES EXCEPT

Both are lists with commas. Prints, in one line, how many ended as the suite demands, and which did not.
"""

import asyncio
import sys

from kosoku import FailureError, run_fuzzingclient


async def main(url, cases, exempt):
    try:
        results = await run_fuzzingclient(url, cases.split(","), exempt.split(","), concurrency=8)
    except FailureError as failure:
        results = failure.results
    failed = [case for case in results if not case.passed]
    told = [f"{case.case_id} ({case.result}; {case.result_close})" for case in failed]
    print(f"{len(results) - len(failed)} passed, {told} failed", flush=True)


asyncio.run(main(*sys.argv[1:]))
