from mlproj import transformation


@transformation(takes="BIGINT", returns="STRUCT(a INT)")
def kinds(x, n: int = 1, m: int = 2):
    return x


@transformation(statistics={"lo": "min(y)", "hi": "x"})
def statistics(x, lo, hi):
    return x


@transformation(takes="VARCHAR", returns="BIGINT")
def vowels(x, letters: str):
    return [len(v) for v in x]


@transformation
def min_max_scaler(x):
    return x
