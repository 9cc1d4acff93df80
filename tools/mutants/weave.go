package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// chosen is the variable that says, in each package, which mutant is awake, and
// choice the one of the environment that it is read from.
const (
	chosen = "mutantAwake"
	choice = "MILLRACE_MUTANT"
)

// weave puts mutants of one file into it, all asleep: of each function that one
// changes there is another one, as it is when changed, which the first calls in
// its place when that mutant is awake. So one build does for all of them. It
// returns the file, what lies on which of its lines, and why a mutant could not
// be put in, by its number.
func weave(source []byte, list []mutant) (woven []byte, where []stretch, refused map[int]error) {
	refused = make(map[int]error)
	file, err := parse1(source)
	if err != nil {
		for _, m := range list {
			refused[m.number] = err
		}
		return source, nil, refused
	}
	var edits []edit
	named := make(map[*ast.FuncDecl]bool)
	tail := bytes.NewBuffer(nil)
	for _, m := range list {
		f, variant, err := m.variant(file, source)
		if err != nil {
			refused[m.number] = err
			continue
		}
		call, names := file.call(f, m.number)
		if !named[f] {
			edits = append(edits, names...)
			named[f] = true
		}
		edits = append(edits, edit{at: file.offset(f.Body.Lbrace) + 1, text: call})
		where = append(where, stretch{from: bytes.Count(tail.Bytes(), []byte("\n")), number: m.number})
		tail.WriteString(variant + "\n\n")
	}
	woven = append(apply(source, edits), '\n')
	first := bytes.Count(woven, []byte("\n")) + 1
	for i := range where {
		where[i].from += first
	}
	return append(woven, tail.Bytes()...), where, refused
}

// A stretch is the lines of a woven file, from one on, that are of a mutant.
type stretch struct{ from, number int }

// An edit puts text into a file in place of what is there.
type edit struct {
	at, end int // end is 0 where nothing is replaced
	text    string
}

func apply(source []byte, edits []edit) []byte {
	slices.SortStableFunc(edits, func(a, b edit) int { return cmp.Compare(a.at, b.at) })
	var out []byte
	done := 0
	for _, e := range edits {
		out = append(append(out, source[done:e.at]...), e.text...)
		done = max(e.at, e.end)
	}
	return append(out, source[done:]...)
}

// A parsed file knows where its declarations are.
type parsed struct {
	*ast.File
	set *token.FileSet
}

func parse1(source []byte) (*parsed, error) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, "", source, parser.SkipObjectResolution)
	return &parsed{f, set}, err
}

func (p *parsed) offset(at token.Pos) int { return p.set.Position(at).Offset }

// function is the function that lies around a part of the file, and which
// declaration it is.
func (p *parsed) function(from, to int) (*ast.FuncDecl, int) {
	for i, d := range p.Decls {
		f, ok := d.(*ast.FuncDecl)
		if ok && f.Body != nil && p.offset(f.Pos()) <= from && to <= p.offset(f.End()) {
			return f, i
		}
	}
	return nil, 0
}

// variant is the function that a mutant changes, and the text of the changed
// one, which has a name of its own.
func (m mutant) variant(file *parsed, source []byte) (*ast.FuncDecl, string, error) {
	changed, err := m.apply(source)
	if err != nil {
		return nil, "", err
	}
	other, err := parse1(changed)
	if err != nil {
		return nil, "", fmt.Errorf("the change is no program: %w", err)
	}
	text := strings.Trim(m.was, "\n\t ")
	from := bytes.Index(source, []byte(m.was)) + strings.Index(m.was, text)
	f, i := file.function(from, from+len(text))
	if f == nil || len(other.Decls) != len(file.Decls) {
		return nil, "", errors.New("the change is not within one function")
	}
	g, ok := other.Decls[i].(*ast.FuncDecl)
	if !ok || g.Name.Name != f.Name.Name || f.Type.TypeParams != nil || isGeneric(f.Recv) {
		return nil, "", errors.New("the change is not that of a plain function")
	}
	variant := string(changed[other.offset(g.Pos()):other.offset(g.Name.Pos())]) + nameOf(f, m.number) +
		string(changed[other.offset(g.Name.End()):other.offset(g.End())])
	return f, variant, nil
}

func nameOf(f *ast.FuncDecl, number int) string { return fmt.Sprintf("%s__%d", f.Name.Name, number) }

func isGeneric(recv *ast.FieldList) bool {
	if recv == nil {
		return false
	}
	t := recv.List[0].Type
	if s, ok := t.(*ast.StarExpr); ok {
		t = s.X
	}
	_, plain := t.(*ast.Ident)
	return !plain
}

// call is what a function begins with that calls the changed one, and names what
// its parameters lack for that.
func (p *parsed) call(f *ast.FuncDecl, number int) (call string, names []edit) {
	var args []string
	name := func(field *ast.Field) {
		list := field.Names
		if len(list) == 0 {
			list = []*ast.Ident{nil}
		}
		for _, ident := range list {
			arg := fmt.Sprintf("arg__%d", len(names))
			switch {
			case ident == nil:
				names = append(names, edit{at: p.offset(field.Type.Pos()), text: arg + " "})
			case ident.Name == "_":
				names = append(names, edit{at: p.offset(ident.Pos()), end: p.offset(ident.End()), text: arg})
			default:
				arg = ident.Name
			}
			if _, more := field.Type.(*ast.Ellipsis); more {
				arg += "..."
			}
			args = append(args, arg)
		}
	}
	if f.Recv != nil {
		name(f.Recv.List[0])
	}
	for _, field := range f.Type.Params.List {
		name(field)
	}
	target := nameOf(f, number)
	if f.Recv != nil {
		target, args = args[0]+"."+target, args[1:]
	}
	call = fmt.Sprintf("%s(%s)", target, strings.Join(args, ", "))
	if f.Type.Results == nil {
		return fmt.Sprintf(" if %s == %d { %s; return }; ", chosen, number, call), names
	}
	return fmt.Sprintf(" if %s == %d { return %s }; ", chosen, number, call), names
}

// waker is the file that a package with mutants needs.
func waker(pkg string) []byte {
	return fmt.Appendf(nil, "package %s\n\nimport (\n\t\"os\"\n\t\"strconv\"\n)\n\nvar %s, _ = strconv.Atoi(os.Getenv(%q))\n", pkg, chosen, choice)
}
