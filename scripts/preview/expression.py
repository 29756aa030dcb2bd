"""The conditions of rules: the part of JavaScript that screens need, and no more."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping

Value = float | str | bool

_WORDS = {"&&": " and ", "||": " or ", "true": "True", "false": "False", "===": "==", "!==": "!="}
_JAVASCRIPT = re.compile(r"""(?P<text>"[^"]*"|'[^']*')|&&|\|\||===|!==|!=|!|\btrue\b|\bfalse\b""")
_COMPARE: dict[type[ast.cmpop], Callable[..., bool]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
_COMPUTE: dict[type[ast.operator], Callable[..., float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.BitAnd: lambda a, b: int(a) & int(b), ast.Mod: operator.mod,
}  # fmt: skip


class BadExpression(ValueError):
    """A condition that is not understood; the text holds it."""


def evaluate(text: str, names: Mapping[str, Value]) -> Value:
    """The value of an expression. Raises :class:`BadExpression`."""

    def translate(match: re.Match[str]) -> str:
        found = match[0]
        if match["text"] is not None or found == "!=":
            return found
        return " not " if found == "!" else _WORDS[found]

    try:
        tree = ast.parse(_JAVASCRIPT.sub(translate, text).strip(), mode="eval")
        return _value(tree.body, names)
    except (SyntaxError, KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise BadExpression(f"{text!r}: {error}") from error


def _value(node: ast.expr, names: Mapping[str, Value]) -> Value:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return value
        case ast.Name(id=name):
            return names[name]
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_value(v, names) for v in values)
        case ast.BoolOp(values=values):
            return any(_value(v, names) for v in values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _value(operand, names)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -float(_value(operand, names))
        case ast.BinOp(left=left, op=op, right=right):
            return _COMPUTE[type(op)](_value(left, names), _value(right, names))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _COMPARE[type(op)](_value(left, names), _value(right, names))
    raise TypeError(f"{ast.unparse(node)} is not understood")
