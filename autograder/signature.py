"""The head of a student's stub: plain annotations, and the shapes as a sentence."""

import ast
import copy

WIDTH = 88  # of a line in a notebook
INDENT = " " * 4
DTYPES = {
    "Float": "",
    "Num": "",
    "Int": "int64",
    "Bool": "bool",
    "Shaped": "",
}  # what a shape adds, by annotation


def signature(node: ast.FunctionDef, shaped: set[str], width: int = WIDTH) -> str:
    """Return `def name(...) -> ...:` with `Float[Tensor, "N 4"]` written as `Tensor`.

    `shaped` are the names of the annotations that carry a shape. A longer line than `width` is
    written with one parameter a line.
    """
    plain = _Plain(shaped).visit(copy.deepcopy(node))
    assert isinstance(plain, ast.FunctionDef)
    returns = f" -> {ast.unparse(plain.returns)}" if plain.returns else ""
    parameters = _parameters(plain.args)
    line = f"def {node.name}({', '.join(parameters)}){returns}:"
    if len(line) <= width:
        return line
    return "\n".join(
        (f"def {node.name}(", *[f"{INDENT}{each}," for each in parameters], f"){returns}:")
    )


def shapes(node: ast.FunctionDef, shaped: set[str]) -> str:
    """Return the sentence that gives the shapes of arguments and result, "" without any."""
    every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    known = [(argument.arg, _shape(argument.annotation, shaped)) for argument in every]
    parts = [f"{name}: {shape}" for name, shape in known if shape]
    result = _shape(node.returns, shaped)
    if result:
        parts.append(f"returns {result}")
    return f"Shapes: {'; '.join(parts)}." if parts else ""


class _Plain(ast.NodeTransformer):
    """Replaces annotations that carry a shape by the plain type."""

    def __init__(self, shaped: set[str]) -> None:
        self.shaped = shaped

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id in self.shaped:
            assert isinstance(node.slice, ast.Tuple)
            return node.slice.elts[0]
        return self.generic_visit(node)


def _parameters(arguments: ast.arguments) -> list[str]:
    """Return every parameter with its annotation and default, and the marks `/` and `*`."""
    plain = [*arguments.posonlyargs, *arguments.args]
    missing = len(plain) - len(arguments.defaults)
    defaults = [*[None] * missing, *arguments.defaults]
    parts = [_parameter(a, default) for a, default in zip(plain, defaults, strict=True)]
    if arguments.posonlyargs:
        parts.insert(len(arguments.posonlyargs), "/")
    if arguments.vararg or arguments.kwonlyargs:
        parts.append(f"*{_parameter(arguments.vararg)}" if arguments.vararg else "*")
    keywords = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    parts += [_parameter(a, default) for a, default in keywords]
    if arguments.kwarg:
        parts.append(f"**{_parameter(arguments.kwarg)}")
    return parts


def _parameter(argument: ast.arg, default: ast.expr | None = None) -> str:
    text = ast.unparse(argument)
    if default is None:
        return text
    equals = " = " if argument.annotation else "="
    return f"{text}{equals}{ast.unparse(default)}"


def _shape(annotation: ast.expr | None, shaped: set[str]) -> str:
    match annotation:
        case ast.Subscript(value=ast.Name(id=kind), slice=ast.Tuple(elts=[_, ast.Constant(text)])):
            if kind in shaped:
                axes = ", ".join(str(text).split())
                return f"[{axes}] {DTYPES.get(kind, kind.lower())}".rstrip()
        case ast.BinOp(left=left, right=right) if _shape(left, shaped):
            return f"{_shape(left, shaped)} or {ast.unparse(right)}"
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=parts)):
            inner = [_shape(part, shaped) or ast.unparse(part) for part in parts]
            return f"({', '.join(inner)})" if any("[" in part for part in inner) else ""
    return ""
