import dis

from parcel import rates


def test_total_multiplies():
    total = getattr(rates, "total", None)
    assert total is not None
    names = [instruction.opname for instruction in dis.get_instructions(total)]
    assert names.count("BINARY_OP") == 1
    assert "STORE_FAST" in names
    assert 1 in total.__code__.co_consts
