from mlproj import transformation

LOW = "min(x)"


@transformation(statistics={"lo": LOW})
def computed(x, lo):
    return x - lo


@transformation(taks="DOUBLE")
def misspelt(x):
    return x


@transformation(statistics={"lo": "min(x)"})
def no_parameter(x):
    return x


@transformation
def untyped(x, power):
    return x**power


@transformation()
def nothing():
    return None


@transformation
def anything(x, **more):
    return x


@transformation
def default(x, power=1 + LOW):
    return x


from . import elsewhere  # noqa: E402, F401


@transformation
def imports(x):
    return elsewhere.f(x)
