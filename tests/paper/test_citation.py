"""The citation names the data that are fetched, with the licence and origin that the code has for them."""

from pathlib import Path

import yaml

from provenance.publication import left_out, read_citation, unlicensed
from scaling import domains

CHECKOUT = Path(__file__).parents[2]


def test_every_domain_with_a_source_is_cited_with_its_licence_and_its_package():
    study = yaml.safe_load((CHECKOUT / "config.yaml").read_text())
    cited = left_out(read_citation(CHECKOUT))
    for name, domain in study["domains"].items():
        source = domains.load(domain["data"]["kind"]).source
        if source is None:
            continue
        file = f"raw/{name}.tar"
        assert unlicensed([file], cited) == []
        (known,) = (known for known in cited if known.files == file)
        assert known.license == source.licence
        assert source.package in known.origin
