// Package lint holds no code; its tests read the source of this repository and
// check the rules of the house that no ready-made linter knows.
//
// They promise that every package stands in the import table and imports only
// what its row allows; that there is no init function and no package variable
// that could change; that errors are compared with errors.Is and errors.As;
// that every package says at the top what it is; and that no committed text
// names a path of the machine it was written on. Each rule is a pure function
// over parsed files, and a table of small sources shows it both passing and
// failing, so that a rule which stopped working would be noticed.
//
// They refuse to judge taste, and they do not look into test files except for
// the order of imports: a test may keep a flag in a variable, or compare an
// error with == to show that it was not wrapped.
package lint
