"""Classes of the library, sorted by what they are to us."""

from __future__ import annotations

from sqlglot import exp

CLOCKS = (
    exp.CurrentDate, exp.CurrentTime, exp.CurrentTimestamp, exp.CurrentDatetime, exp.Localtime, exp.Localtimestamp,
)  # fmt: skip
# Classes of the library for what is syntax; any other function has been read under its own name.
SYNTAX = (
    exp.Abs, exp.Array, exp.ArrayContainsAll, exp.ArrayOverlaps, exp.Case, exp.Cast, exp.Chr, exp.Concat,
    exp.CurrentCatalog, exp.CurrentRole, exp.CurrentUser, exp.Date, exp.Exists, exp.Explode, exp.Extract, exp.If,
    exp.JSONExtract, exp.JSONExtractScalar, exp.Map, exp.Overlay, exp.ParseJSON, exp.Pow, exp.RegexpFullMatch,
    exp.RegexpLike, exp.SessionUser, exp.StartsWith, exp.Struct, exp.StrPosition, exp.Substring, exp.Timestamp,
    exp.ToMap, exp.Trim, exp.TryCast, *CLOCKS,
)  # fmt: skip
# Other constructs that mean nothing but what their parts do; anything else might name a column in a way of its own.
PARTS = (
    exp.All, exp.Any, exp.AtTimeZone, exp.Between, exp.BitwiseAnd, exp.BitwiseLeftShift, exp.BitwiseNot, exp.BitwiseOr,
    exp.BitwiseRightShift, exp.BitwiseXor, exp.Escape, exp.Glob, exp.IgnoreNulls, exp.In, exp.Interval, exp.JSONPath,
    exp.JSONPathRoot, exp.JSONPathSubscript, exp.Kwarg, exp.Neg, exp.Not, exp.Order, exp.Ordered, exp.PropertyEQ,
    exp.RespectNulls, exp.SimilarTo, exp.Slice, exp.Tuple, exp.WithinGroup,
)  # fmt: skip
EXACT = (exp.RawString, exp.ByteString, exp.HexString, exp.BitString, exp.National, exp.UnicodeString)
# Operators whose place among others the library sees otherwise than the engine; parentheses settle it.
LOOSE = frozenset({
    exp.Abs, exp.ArrayContainsAll, exp.ArrayOverlaps, exp.AtTimeZone, exp.BitwiseNot, exp.BitwiseXor, exp.Collate,
    exp.Escape, exp.Glob, exp.JSONExtract, exp.JSONExtractScalar, exp.RegexpFullMatch, exp.RegexpLike, exp.StartsWith,
})  # fmt: skip
OPERATORS = LOOSE | {
    exp.Add, exp.And, exp.Between, exp.BitwiseAnd, exp.BitwiseLeftShift, exp.BitwiseOr, exp.BitwiseRightShift,
    exp.Bracket, exp.Cast, exp.Div, exp.Dot, exp.DPipe, exp.EQ, exp.GT, exp.GTE, exp.ILike, exp.In, exp.IntDiv, exp.Is,
    exp.Like, exp.LT, exp.LTE, exp.Mod, exp.Mul, exp.NEQ, exp.Neg, exp.Not, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Or,
    exp.Pow, exp.SimilarTo, exp.Sub,
}  # fmt: skip
