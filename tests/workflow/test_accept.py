"""Exceptions and traces with the real Snakemake: what is kept is stated, what rests on it is remade, and no more."""

import json
import os
import re
import shlex
import shutil

from pdfminer.high_level import extract_text

from provenance.receipts import Receipt, file_hash

LAW = "laws/spiral/mlp.json"
READERS = {"overview", "learning_curves", "diagnostics", "claim", "ledger", "paper", "sweep"}


def edit_by_hand(build) -> str:
    """Edit a law, and hide it by the old time; give the hash of it now."""
    path = build.results / LAW
    times = path.stat()
    content = json.loads(path.read_text())
    content["diverged"] = 1
    path.write_text(json.dumps(content))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return file_hash(path)


def test_a_damaged_file_that_is_accepted_is_built_upon_and_the_paper_says_so_until_that_is_withdrawn(built):
    good = built.files()
    found = edit_by_hand(built)
    assert built.snakemake().code == 1
    assert built.audit("verify").code == 1

    code, said = built.audit("accept", f"results/{LAW}", "--reason", "a known misprint", "--who", "Ada Lovelace")
    assert code == 0, said
    assert found in said
    assert set(built.plan().jobs) - {"all", "total"} == READERS, "and the law is not made again"
    code, said = built.audit("explain", "--json")
    assert code == 1
    groups = json.loads(said)["groups"]
    assert {group["rule"] for group in groups} == READERS - {"sweep"}

    code, said = built.snakemake()
    assert code == 0, said
    assert file_hash(built.results / LAW) == found
    for reader in ("claims/H1.receipt.json", "figures/learning-curves-spiral.receipt.json", "ledger.receipt.json"):
        assert Receipt.read(built.results / reader).inputs[LAW] == found
    code, said = built.audit("verify")
    assert code == 0, said
    assert f"accepted: {LAW}" in said

    ledger = json.loads((built.results / "ledger.json").read_text())
    assert [(item["file"], item["found"], item["who"]) for item in ledger["exceptions"]] == [
        (LAW, found, "Ada Lovelace")
    ]
    assert ledger["entries"]["curve.spiral.mlp.diverged"]["value"] == 1
    text = "".join(extract_text(built.pdf).split())
    assert re.search(r"Exceptions\..*laws/spiral/mlp\.json.*AdaLovelace.*aknownmisprint", text)
    assert "Nothing to be done" in built.snakemake().said
    assert built.audit("explain").code == 0

    code, said = built.audit("accept", LAW, "--withdraw")
    assert code == 0, said
    assert built.snakemake().code == 1, "it is damage again"
    (built.results / LAW).unlink()
    code, said = built.snakemake()
    assert code == 0, said
    # The ledger's receipt names the receipts that it read, and those say when their jobs ran.
    assert {name for name, now in built.files().items() if good.get(name) != now} <= {"ledger.receipt.json"}
    assert built.audit("verify").code == 0, "it leaves no trace"


def test_the_way_out_that_a_build_of_another_study_tells_is_one(built):
    (built.folder / "mine.yaml").write_text("pathvars: {results: results-mine}\n")
    built.results = built.results.rename(built.folder / "results-mine")
    found = edit_by_hand(built)
    code, said = built.snakemake("--configfile", "mine.yaml")
    assert code == 1
    told = re.search(r"audit (accept .*) --reason", said)[1]
    assert told == f"accept results-mine/{LAW} --configfile mine.yaml"
    code, said = built.audit(*shlex.split(told), "--reason", "a known misprint")
    assert code == 0, said
    assert found in said


def test_stale_results_that_are_accepted_are_not_made_again_though_snakemake_knows(built):
    script = built.folder / "scripts/law.py"
    script.write_text(script.read_text() + "\n\nUNUSED = 1\n")
    before = {name: file_hash(built.results / name) for name in (LAW, "laws/spiral/knn-1.json")}
    receipts = {name: (built.results / name).with_suffix(".receipt.json").read_bytes() for name in before}
    assert built.plan().jobs["law"] == 2
    for name in before:
        code, said = built.audit("accept", f"results/{name}", "--reason", "nothing uses it")
        assert code == 0, said
    assert set(built.plan().jobs) - {"all", "total"} == {"ledger", "paper", "sweep"}
    code, said = built.snakemake()
    assert code == 0, said
    assert receipts == {name: (built.results / name).with_suffix(".receipt.json").read_bytes() for name in before}
    code, said = built.audit("verify")
    assert code == 0, said


def test_what_is_sound_cannot_be_accepted(built):
    code, said = built.audit("accept", LAW, "--reason", "just in case")
    assert code == 2
    assert "nothing is wrong with it" in said
    assert not (built.results / "accepted.json").exists()


def test_the_command_of_a_trace_rebuilds_just_what_the_number_was_read_from(built):
    code, said = built.audit("trace", "law.spiral.mlp.beta", "--json")
    assert code == 0, said
    command = json.loads(said)["command"]
    assert command == f"snakemake --cores 8 --force results/{LAW}"
    good = built.files()
    begun = {path: Receipt.read(path).made for path in built.results.rglob("*.receipt.json")}
    program, cores, number, *arguments = shlex.split(command)
    assert (program, cores, number) == ("snakemake", "--cores", "8")
    code, said = built.snakemake(*arguments)
    assert code == 0, said
    again = {path for path, made in begun.items() if Receipt.read(path).made != made}
    assert again == {built.results / "laws/spiral/mlp.receipt.json"}
    assert built.files() == good, "the same bytes"


def test_a_trace_starts_at_what_the_pdf_prints(built):
    entries = json.loads((built.results / "ledger.json").read_text())["entries"]
    printed = entries["curve.spiral.knn-1.first"]["printed"]
    code, said = built.audit("trace", "--text", printed)
    assert code == 0, said
    assert f"curve.spiral.knn-1.first = {printed}" in said
    code, said = built.audit("trace", "--page", "1", "--json")
    assert code == 0, said
    assert {match["page"] for match in json.loads(said)} == {1}
    assert built.audit("trace", "--text", "12345.678").code == 2
    code, said = built.audit("trace", "law.spiral.mlp.betta")
    assert code == 2
    assert "law.spiral.mlp.beta" in said


def test_what_would_run_is_explained_as_snakemake_does_it_also_without_its_notes(built):
    built.edit("scripts/scaling/models/knn.py", "k = min(self.k, len(flat))", "k = min(len(flat), self.k)")
    planned = built.plan().jobs
    shutil.rmtree(built.folder / ".snakemake")
    code, said = built.audit("explain", "--json")
    assert code == 1, said
    groups = json.loads(said)["groups"]
    jobs = {rule: sum(group["jobs"] for group in groups if group["rule"] == rule) for rule in planned}
    assert {rule: n for rule, n in jobs.items() if n} == {
        rule: n for rule, n in planned.items() if rule not in ("all", "sweep", "total")
    }
    assert groups[0]["reasons"] == ["code scripts/scaling/models/knn.py changed"]
    code, said = built.audit("explain", "law.spiral.mlp.beta")
    assert code == 1
    assert "10 of 20" in said


def test_a_comment_is_no_reason(built):
    path = built.folder / "scripts/scaling/models/knn.py"
    path.write_text("# A comment.\n" + path.read_text())
    code, said = built.audit("explain")
    assert code == 0, said
    assert "Nothing would run" in said
