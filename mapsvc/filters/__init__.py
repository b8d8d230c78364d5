"""The `where` language: CQL2 text over a layer's own fields, made into SQL with parameters.

    headcount >= 20 AND 在岗 = true AND has(capabilities, '破拆')
    stock('救灾帐篷', '顶') >= 10 AND 储备库等级 IN ('县级', '乡镇级')

Not a letter of what is written reaches the SQL: names become known columns, values parameters.
"""

from mapsvc.filters.conditions import ALWAYS, Filter, compile_for, compile_where

__all__ = ["ALWAYS", "Filter", "compile_for", "compile_where"]
