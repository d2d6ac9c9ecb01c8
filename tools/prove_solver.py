"""Answer one question of halmos: `unsat`, or `sat` with a counterexample.

Products and quotients of 256 bits are beyond any solver's bits. So each product and quotient of two unknowns
is made an unknown of its own, of which no more is said than the laws of LAWS say of it. If that is
unsatisfiable, so is the question. If it is not, the arguments found are tried with the products and quotients
as they are: they are a counterexample, or more is said of the products of those values.

Runs in the environment of halmos, which brings z3 (reads the question) and yices; cvc5 solves over whole
numbers what bits do not. `prove_solver.py FILE` is what halmos calls; `--laws` proves the laws.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import combinations, product
from pathlib import Path

import z3

BITS = 256
WORD = z3.BitVecSort(BITS)
MUL = z3.Function("f_evm_bvmul_256", WORD, WORD, WORD)
DIV = z3.Function("f_evm_bvudiv_256", WORD, WORD, WORD)
SDIV = z3.Function("f_evm_bvsdiv_256", WORD, WORD, WORD)
FITS = z3.Function("fits", WORD, WORD, z3.BoolSort())
"""Whether a product of two words is a word."""
OPERATIONS = {f.name() for f in (MUL, DIV, SDIV, FITS)}
Term = z3.BitVecRef
TRIALS = 300
SECONDS = 60
"""How long the proof of a law may take."""
WHOLE = [sys.executable, __file__, "--whole-numbers"]
VALUE = re.compile(r"\(define-fun \|?([^ |]+)\|? \(\) \(_ BitVec \d+\) \(_ bv(\d+) \d+\)\)")
YICES = ["yices-smt2", "--smt2-model-format", "--bvconst-in-decimal"]


# ---------------------------------------------------------------- laws


def size(a: Term) -> Term:
    return z3.If(a < 0, -a, a)


Claims = list[z3.BoolRef]


def of_division(x: Term, y: Term) -> Claims:
    """A quotient times its divisor is the dividend less a remainder below the divisor; by zero it is zero."""
    q = DIV(x, y)
    back = MUL(q, y)
    exact = z3.And(FITS(q, y), z3.ULE(back, x), z3.ULT(x - back, y), z3.ULE(q, x))
    return [z3.If(y == 0, q == 0, exact)]


def of_quotients(x: Term, y: Term, z: Term, v: Term) -> Claims:
    """Of two dividends the larger has no smaller quotient."""
    return [z3.Implies(z3.And(y == v, z3.ULE(x, z)), z3.ULE(DIV(x, y), DIV(z, v)))]


def of_share(x: Term, y: Term, a: Term, b: Term) -> Claims:
    """b scaled by a / y is not above b when a is not above y, and below it when a is below."""
    q = DIV(x, y)
    share = z3.And(y != 0, x == MUL(a, b), FITS(a, b))
    below = z3.Implies(z3.And(share, z3.ULT(a, y), b != 0), z3.ULT(q, b))
    return [z3.Implies(z3.And(share, z3.ULE(a, y)), z3.ULE(q, b)), below]


def of_check(a: Term, b: Term) -> Claims:
    """How Solidity sees whether a product fits: divided by one factor it gives the other."""
    return [z3.Implies(b != 0, FITS(a, b) == (DIV(MUL(a, b), b) == a))]


def of_product(a: Term, b: Term) -> Claims:
    """Nothing and one; factors of 128 bits fit, and of 127 bits as a signed word."""
    nothing = z3.Implies(z3.Or(a == 0, b == 0), z3.And(FITS(a, b), MUL(a, b) == 0))
    one = z3.And(z3.Implies(a == 1, MUL(a, b) == b), z3.Implies(b == 1, MUL(a, b) == a))
    halves = z3.Implies(z3.And(z3.LShR(a, 128) == 0, z3.LShR(b, 128) == 0), FITS(a, b))
    most = z3.And(z3.LShR(a, 127) == 0, z3.LShR(b, 127) == 0)
    return [nothing, one, halves, z3.Implies(most, z3.LShR(MUL(a, b), 254) == 0)]


def of_products(a: Term, b: Term, c: Term, d: Term) -> Claims:
    """With one factor alike, the larger other factor makes the product larger by that factor at least."""
    less, more = MUL(a, b), MUL(c, d)
    larger = z3.And(b == d, FITS(c, d), z3.ULT(a, c))
    same = z3.Implies(z3.And(a == c, b == d), z3.And(less == more, FITS(a, b) == FITS(c, d)))
    said = (FITS(a, b), z3.ULE(less, more), z3.ULE(b, more - less))
    return [same, *(z3.Implies(larger, claim) for claim in said)]


def of_signs(a: Term, b: Term) -> Claims:
    """A product has the size of the product of sizes."""
    p = MUL(size(a), size(b))
    one, other = a < 0, b < 0
    return [
        z3.Implies(z3.And(one, other), MUL(a, b) == p),
        z3.Implies(z3.And(one, z3.Not(other)), MUL(a, b) == -p),
        z3.Implies(z3.And(z3.Not(one), other), MUL(a, b) == -p),
        z3.Implies(z3.And(z3.Not(one), z3.Not(other)), MUL(a, b) == p),
    ]


def of_signed_division(x: Term, y: Term) -> Claims:
    """A signed quotient is rounded toward zero."""
    q = DIV(size(x), size(y))
    return [SDIV(x, y) == z3.If(y == 0, z3.BitVecVal(0, BITS), z3.If((x < 0) == (y < 0), q, -q))]


LAWS: dict[Callable[..., Claims], int] = {
    of_division: 2, of_quotients: 4, of_share: 4, of_check: 2, of_product: 2, of_products: 4, of_signs: 2,
    of_signed_division: 2,
}  # fmt: skip
"""Each with how many words it is about."""


def as_they_are(terms: list[z3.BoolRef]) -> list[z3.BoolRef]:
    """With what the four functions stand for."""
    a, b = z3.Var(0, WORD), z3.Var(1, WORD)
    zero = z3.BitVecVal(0, BITS)
    fits = z3.Extract(2 * BITS - 1, BITS, z3.ZeroExt(BITS, a) * z3.ZeroExt(BITS, b)) == 0
    meant = [
        (MUL, a * b),
        (DIV, z3.If(b == 0, zero, z3.UDiv(a, b))),
        (SDIV, z3.If(b == 0, zero, a / b)),
        (FITS, fits),
    ]
    return [z3.substitute_funs(term, *meant) for term in terms]


# ---------------------------------------------------------------- what the laws say of a question


def parts(terms: list[z3.BoolRef]) -> Iterator[z3.ExprRef]:
    """Every term within `terms`, once."""
    seen, left = set(), list(terms)
    while left:
        term = left.pop()
        if term.get_id() not in seen:
            seen.add(term.get_id())
            left.extend(term.children())
            yield term


def unsigned(a: Term) -> Term:
    """What `a` is but for its sign, to see which factors may be alike."""
    while True:
        if z3.is_app_of(a, z3.Z3_OP_ITE):
            a = a.arg(2)
        elif z3.is_app_of(a, z3.Z3_OP_BNEG):
            a = a.arg(0)
        elif z3.is_app_of(a, z3.Z3_OP_BMUL) and z3.is_bv_value(a.arg(0)) and a.arg(0).as_signed_long() == -1:
            a = a.arg(1)
        else:
            return a


def alike(a: Term, b: Term) -> bool:
    return unsigned(a).eq(unsigned(b))


def arguments_alone(question: list[z3.BoolRef]) -> list[z3.BoolRef]:
    """An argument shorter than a word is said to be its own extension; say the argument in its place."""
    known: list[tuple[z3.ExprRef, z3.ExprRef]] = []
    alone = []
    for term in question:
        sides = term.children() if z3.is_eq(term) else []
        name = next((s for s in sides if z3.is_const(s) and s.decl().name().startswith("p_")), None)
        longer = next((s for s in sides if s.num_args() and name is not None), None)
        if name is not None and longer is not None and any(part.eq(name) for part in parts([longer])):
            known.append((longer, name))
            alone.append(term)
        else:
            alone.append(z3.substitute(term, *known))
    return alone


class Said:
    """The products and quotients of a question and those that follow, and what the laws say of them."""

    def __init__(self, question: list[z3.BoolRef]) -> None:
        found = [part for part in parts(question) if z3.is_app(part)]
        multiplied, divided, signed = (
            [part.children() for part in found if part.decl().name() == f.name()] for f in (MUL, DIV, SDIV)
        )
        self.laws: list[z3.BoolRef] = []
        self.products: dict[tuple[int, int], tuple[Term, Term]] = {}
        self.quotients: dict[tuple[int, int], tuple[Term, Term]] = {}
        for a, b in multiplied:
            self.product(a, b)
            if signed:
                self.laws += of_signs(a, b)
                self.product(size(a), size(b))
        for x, y in divided:
            self.quotient(x, y, x)
        for x, y in signed:
            self.laws += of_signed_division(x, y)
            self.quotient(size(x), size(y), x, size)
        for x, y in list(self.quotients.values()):
            self.laws += of_division(x, y)
            self.product(DIV(x, y), y)
        self.pairs()

    def product(self, a: Term, b: Term) -> None:
        a, b = sorted((a, b), key=lambda term: term.get_id())
        self.products.setdefault((a.get_id(), b.get_id()), (a, b))

    def quotient(self, x: Term, y: Term, whole: Term, of: Callable[[Term], Term] = lambda a: a) -> None:
        """x / y, where x is `of` the product `whole` if that is one."""
        self.quotients.setdefault((x.get_id(), y.get_id()), (x, y))
        if whole.decl().name() == MUL.name():
            a, b = map(of, whole.children())
            for p, q in ((a, b), (b, a)):
                self.product(p, y)
                self.laws += of_share(x, y, p, q)
                if q.eq(y):
                    self.laws += of_check(p, q)

    def pairs(self) -> None:
        for (x, y), (z, v) in combinations(self.quotients.values(), 2):
            if alike(y, v):
                self.laws += of_quotients(x, y, z, v) + of_quotients(z, v, x, y)
        for a, b in self.products.values():
            self.laws += of_product(a, b)
            self.laws += [MUL(a, b) == a * b] if z3.is_bv_value(a) or z3.is_bv_value(b) else []
        for one, other in combinations(self.products.values(), 2):
            for (a, b), (c, d) in product((one, one[::-1]), (other, other[::-1])):
                if alike(b, d):
                    self.laws += of_products(a, b, c, d) + of_products(c, d, a, b)


def as_unknowns(terms: list[z3.BoolRef]) -> list[z3.BoolRef]:
    """Every product and quotient as an unknown; a * b and b * a as the same."""
    names: dict[tuple[object, ...], z3.ExprRef] = {}
    done: dict[int, z3.ExprRef] = {}

    def renamed(term: z3.ExprRef) -> z3.ExprRef:
        if term.get_id() not in done:
            done[term.get_id()] = _renamed(term)
        return done[term.get_id()]

    def _renamed(term: z3.ExprRef) -> z3.ExprRef:
        if not term.num_args():
            return term
        name, inner = term.decl().name(), [renamed(child) for child in term.children()]
        if name not in OPERATIONS:
            return term.decl()(*inner)
        if name in (MUL.name(), FITS.name()):
            inner.sort(key=lambda child: child.get_id())
        kept.extend(inner)
        return names.setdefault(
            (name, *(child.get_id() for child in inner)), z3.FreshConst(term.sort(), name)
        )

    kept: list[z3.ExprRef] = []  # z3 gives the number of a term that is gone to another
    return [renamed(term) for term in terms]


# ---------------------------------------------------------------- solvers


def smt(terms: list[z3.BoolRef], logic: str) -> str:
    solver = z3.Solver()
    solver.add(*terms)
    return f"(set-logic {logic})\n{solver.to_smt2()}(get-model)\n"


def whole_numbers(path: str) -> str:
    """What cvc5 says of the question in a file, each word being a whole number to it."""
    import cvc5

    solver = cvc5.Solver(cvc5.TermManager())
    solver.setOption("solve-bv-as-int", "sum")
    symbols = cvc5.SymbolManager(solver.getTermManager())
    parser = cvc5.InputParser(solver, symbols)
    parser.setStringInput(
        cvc5.InputLanguage.SMT_LIB_2_6, Path(path).read_text().replace("(get-model)", ""), path
    )
    said = ""
    while not (command := parser.nextCommand()).isNull():
        said += command.invoke(solver, symbols)
    return said


class Run:
    """A solver at work on `terms`."""

    def __init__(self, folder: Path, command: list[str], terms: list[z3.BoolRef]) -> None:
        file = folder / f"{len(list(folder.iterdir()))}.smt2"
        file.write_text(smt(terms, "QF_BV"))
        self.output = file.with_suffix(".out")
        with self.output.open("w") as out:
            self.process = subprocess.Popen([*command, str(file)], stdout=out, stderr=subprocess.DEVNULL)

    def answer(self) -> str:
        """Empty while there is none."""
        return self.output.read_text() if self.process.poll() is not None else ""


def arguments(terms: list[z3.BoolRef]) -> list[z3.ExprRef]:
    return [part for part in parts(terms) if z3.is_const(part) and part.decl().name().startswith("p_")]


Values = list[tuple[z3.ExprRef, z3.BitVecNumRef]]


def at(terms: list[z3.ExprRef], values: Values) -> list[z3.ExprRef]:
    return [z3.simplify(z3.substitute(term, *values)) for term in as_they_are(terms)]


def counterexample(values: Values) -> str:
    lines = (
        f"(define-fun |{a.decl().name()}| () (_ BitVec {v.size()}) (_ bv{v} {v.size()}))" for a, v in values
    )
    return "\n".join(["sat", "(", *lines, ")"])


def by_trial(question: list[z3.BoolRef], runs: list[Run]) -> str:
    """A counterexample among a few small arguments, unless a solver says first that there is none."""
    draw = random.Random(0)
    fixed = {
        term.arg(0).get_id(): term.arg(1)
        for term in question
        if z3.is_eq(term) and z3.is_bv_value(term.arg(1))
    }
    free = arguments(question)
    question = as_they_are(question)
    for _ in range(TRIALS):
        if any(run.answer().startswith("unsat") for run in runs):
            return ""
        values = [
            (
                a,
                fixed.get(
                    a.get_id(),
                    z3.BitVecVal(draw.randint(-4 if "_int" in a.decl().name() else 0, 4), a.size()),
                ),
            )
            for a in free
        ]
        if all(z3.is_true(z3.simplify(z3.substitute(term, *values))) for term in question):
            return counterexample(values)
    return ""


class Search:
    """Yices at work until it says unsat, or sat of arguments for which the question holds as it is."""

    def __init__(self, folder: Path, question: list[z3.BoolRef]) -> None:
        yices = str(Path(sys.executable).with_name(YICES[0]))
        self.folder, self.command = folder, [yices, *YICES[1:]]
        self.question, self.said = question, Said(question)
        self.terms, self.arguments = question + self.said.laws, arguments(question)
        self.run = self.another()

    def another(self) -> Run:
        return Run(self.folder, self.command, as_unknowns(self.terms))

    def answer(self) -> str:
        answer = self.run.answer()
        if not answer.startswith("sat"):
            return answer
        found = dict(VALUE.findall(answer))
        values = [(a, z3.BitVecVal(int(found.get(a.decl().name(), 0)), a.size())) for a in self.arguments]
        if all(map(z3.is_true, at(self.question, values))):
            return counterexample(values)
        for pair in self.said.products.values():
            for (a, b), value in zip((pair, pair[::-1]), reversed(at(list(pair), values)), strict=True):
                self.terms.append(z3.Implies(b == value, z3.And(MUL(a, b) == a * value)))
        self.run = self.another()
        return ""


def answer(path: str) -> str:
    """What halmos reads. It sets the time limit, and ends this process and its solvers."""
    question = arguments_alone(list(z3.parse_smt2_file(path)))
    question = [term for term in question if not (z3.is_eq(term) and z3.is_array(term.arg(0)))]
    with tempfile.TemporaryDirectory() as name:
        search = Search(Path(name), question)
        whole = Run(Path(name), WHOLE, as_unknowns(question + search.said.laws))
        try:
            if said := by_trial(question, [search.run, whole]):
                return said
            while True:
                if said := search.answer():
                    return said
                if whole.answer().startswith("unsat"):
                    return whole.answer()
                time.sleep(0.01)
        finally:
            for run in (search.run, whole):
                run.process.kill()


def is_law(claim: z3.BoolRef, folder: Path) -> bool:
    """Whether cvc5 over whole numbers or z3 over bits proves it for all words, in SECONDS."""
    negated = as_they_are([z3.Not(claim)])
    bits = [str(Path(sys.executable).with_name("z3"))]
    runs = [Run(folder, WHOLE, negated), Run(folder, bits, [z3.simplify(term) for term in negated])]
    end = time.monotonic() + SECONDS
    try:
        while time.monotonic() < end:
            if any(run.answer().startswith("unsat") for run in runs):
                return True
            time.sleep(0.01)
    finally:
        for run in runs:
            run.process.kill()
    return False


def prove_laws() -> int:
    """Prove every claim of every law; 1 if one is not proved."""
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        for law, count in LAWS.items():
            for i, claim in enumerate(law(*(z3.Const(f"w{i}", WORD) for i in range(count)))):
                if not is_law(claim, Path(name)):
                    failed = 1
                    print(f"not proved: claim {i} of {law.__name__}", file=sys.stderr)
    return failed


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--laws"]:
            raise SystemExit(prove_laws())
        case ["--whole-numbers", path]:
            print(whole_numbers(path), end="")
        case [path]:
            print(answer(path), end="")
