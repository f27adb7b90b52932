"""Follow a k6 script's functions without running it: the requests that they send, in order, and what cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tree_sitter import Node

from kindgate.load.variables import RUN
from kindgate.scaffold.workload_sources.javascript import field as child_of
from kindgate.scaffold.workload_sources.javascript import line_of, named, text_of
from kindgate.scaffold.workload_sources.k6_calls import LOOPS, Calls
from kindgate.scaffold.workload_sources.k6_requests import Sent
from kindgate.scaffold.workload_sources.k6_values import Function, NotConstant, Scope, Value
from kindgate.scaffold.workload_sources.naming import Names

_DEPTH = 12
"""Maximum levels of calls that are followed."""

_STATEMENTS = 5000
"""Maximum number of statements that are followed, and of elements of loops."""


class Script:
    """A parsed script. `problems` maps lines to what could not be read there."""

    def __init__(self, program: Node) -> None:
        self.names = Names([RUN])
        self.problems: dict[tuple[int, str], None] = {}
        self.calls = Calls(self.names, self._apply, self.problem)
        self.globals = Scope()
        self.exports: dict[str, Function] = {}
        self._depth = 0
        self._followed = 0
        self._returned: Value = None
        self._run_top_level(program)

    def requests_of(self, name: str, *arguments: Value) -> tuple[list[Sent], Value]:
        """The requests of an exported function in order, and its return value (None if it has no constant one)."""
        self.calls.recorder.restart()
        returned: Value = None
        with self.calls.recorder.reported(self.exports[name].node):
            returned = self._apply(self.exports[name], list(arguments))
        return self.calls.recorder.sent, returned

    def problem(self, node: Node, text: str) -> None:
        """Record something at the node's line that is not in the workload."""
        self.problems[line_of(node), text] = None

    def _run_top_level(self, program: Node) -> None:
        for node in named(program):  # functions may be used before their declaration
            declared = child_of(node, "declaration") if node.type == "export_statement" else node
            if declared is not None and declared.type in {"function_declaration", "generator_function_declaration"}:
                self.globals.names[text_of(child_of(declared, "name"))] = Function(declared, self.globals)
        for node in named(program):
            if node.type == "import_statement":
                problem = self.calls.modules.add(node)
                if problem:
                    self.problem(node, problem)
            elif node.type == "export_statement":
                self._export(node)
            else:
                self._statement(node, self.globals)
        for sent in self.calls.recorder.sent:
            self.problems[sent.line, "a request outside of a function is not sent"] = None

    def _export(self, node: Node) -> None:
        declaration, value = child_of(node, "declaration"), child_of(node, "value")
        is_default = any(child.type == "default" for child in node.children)
        if declaration is not None and declaration.type == "function_declaration":
            self.exports["default" if is_default else text_of(child_of(declaration, "name"))] = Function(declaration, self.globals)
        elif declaration is not None:
            self._statement(declaration, self.globals)
            for declarator in named(declaration):
                name = text_of(child_of(declarator, "name"))
                found = self.globals.names.get(name)
                if isinstance(found, Function):
                    self.exports[name] = found
        elif is_default and value is not None:
            with self.calls.recorder.reported(node):
                found = self.calls.expressions.value(value, self.globals)
                if isinstance(found, Function):
                    self.exports["default"] = found

    def _apply(self, function: Function, arguments: list[Value]) -> Value:
        """Follow a call of a function of the script, and return its value."""
        if self._depth >= _DEPTH:
            raise NotConstant("calls are nested too deeply")
        scope = Scope(outer=function.scope)
        single = child_of(function.node, "parameter")
        parameters = [single] if single is not None else list(named(child_of(function.node, "parameters")))
        for index, parameter in enumerate(parameters):
            self._bind(parameter, arguments[index] if index < len(arguments) else None, scope)
        body = child_of(function.node, "body")
        if body is None:
            return None
        if body.type != "statement_block":
            return self.calls.expressions.value(body, scope)
        self._depth += 1
        before, self._returned = self._returned, None
        try:
            self._block(body, scope)
            return self._returned
        finally:
            self._depth -= 1
            self._returned = before

    def _bind(self, pattern: Node, value: Value, scope: Scope) -> None:
        """Declare the variables of a pattern."""
        if pattern.type == "identifier":
            scope.names[text_of(pattern)] = value
        elif pattern.type == "assignment_pattern" and value is None:
            left = child_of(pattern, "left")
            if left is not None:
                self._bind(left, self.calls.expressions.attempt(child_of(pattern, "right"), scope), scope)
        elif pattern.type == "object_pattern":
            for child in named(pattern):
                name = text_of(child)
                scope.names[name] = value.get(name) if isinstance(value, Mapping) else NotConstant(f"`{name}` is not known")
        else:
            for child in named(pattern):
                self._bind(child, NotConstant(f"`{text_of(child)}` is not known"), scope)

    def _block(self, node: Node, scope: Scope) -> None:
        for statement in named(node):
            self._statement(statement, scope)

    def _statement(self, node: Node, scope: Scope) -> None:
        self._followed += 1
        if self._followed > _STATEMENTS:
            self.problems[0, f"only {_STATEMENTS} statements are followed"] = None
            return
        reader = self._statements.get(node.type)
        if reader is not None:
            reader(self, node, scope)

    def _declaration(self, node: Node, scope: Scope) -> None:
        for declarator in named(node):
            name, value = child_of(declarator, "name"), child_of(declarator, "value")
            if name is not None:
                self._bind(name, self.calls.expressions.attempt(value, scope), scope)

    def _expression(self, node: Node, scope: Scope) -> None:
        for expression in named(node):
            if expression.type == "assignment_expression":
                target = child_of(expression, "left")
                found = self.calls.expressions.attempt(child_of(expression, "right"), scope)
                if target is not None and target.type == "identifier":
                    scope.assign(text_of(target), found)
            else:
                self.calls.expressions.attempt(expression, scope)

    def _if(self, node: Node, scope: Scope) -> None:
        count = len(self.calls.recorder.sent)
        consequence, alternative = child_of(node, "consequence"), child_of(node, "alternative")
        if consequence is not None:
            self._statement(consequence, scope)
        if len(self.calls.recorder.sent) > count:
            self.problem(node, "a condition: its requests are always sent")
        count = len(self.calls.recorder.sent)
        if alternative is not None:
            for child in named(alternative):
                self._statement(child, scope)
        if len(self.calls.recorder.sent) > count:
            del self.calls.recorder.sent[count:]
            self.problem(alternative or node, "`else`: its requests are never sent")

    def _for_of(self, node: Node, scope: Scope) -> None:
        values = self.calls.expressions.attempt(child_of(node, "right"), scope)
        target, body = child_of(node, "left"), child_of(node, "body")
        if target is None or body is None:
            return
        if not isinstance(values, list):
            self._bind(target, NotConstant(f"`{text_of(target)}` is not known"), scope)
            self._loop(node, scope)
            return
        for value in values[:LOOPS]:
            inner = Scope(outer=scope)
            self._bind(target, value, inner)
            self._statement(body, inner)
        if len(values) > LOOPS:
            self.problem(node, f"a loop is followed for {LOOPS} elements")

    def _loop(self, node: Node, scope: Scope) -> None:
        count = len(self.calls.recorder.sent)
        inner = Scope(outer=scope)
        initializer = child_of(node, "initializer")
        for declarator in named(initializer):
            inner.names[text_of(child_of(declarator, "name"))] = NotConstant("a loop's variable is not constant")
        body = child_of(node, "body")
        if body is not None:
            self._statement(body, inner)
        if len(self.calls.recorder.sent) > count:
            self.problem(node, "a loop: its requests are sent once")

    def _try(self, node: Node, scope: Scope) -> None:
        body = child_of(node, "body")
        if body is not None:
            self._block(body, Scope(outer=scope))

    def _return(self, node: Node, scope: Scope) -> None:
        self._returned = self.calls.expressions.attempt(next(named(node), None), scope)

    def _nested_block(self, node: Node, scope: Scope) -> None:
        self._block(node, Scope(outer=scope))

    def _function(self, node: Node, scope: Scope) -> None:
        scope.names[text_of(child_of(node, "name"))] = Function(node, scope)

    def _switch(self, node: Node, _: Scope) -> None:
        if "http" in text_of(node):
            self.problem(node, "`switch` is not followed")

    _statements: Mapping[str, Callable[[Script, Node, Scope], None]] = {
        "lexical_declaration": _declaration,
        "variable_declaration": _declaration,
        "expression_statement": _expression,
        "if_statement": _if,
        "for_in_statement": _for_of,
        "for_statement": _loop,
        "while_statement": _loop,
        "do_statement": _loop,
        "try_statement": _try,
        "return_statement": _return,
        "statement_block": _nested_block,
        "function_declaration": _function,
        "switch_statement": _switch,
        "else_clause": _nested_block,
    }
