package lint_test

import (
	"os"
	"path/filepath"
	"testing"
)

// A rule looks at one package and returns its complaints.
type rule struct {
	name  string
	check func(pkg) []string
}

func rules() []rule {
	return []rule{
		{"imports follow the table", checkTable},
		{"imports stand in three groups", checkGroups},
		{"public declarations mention nothing internal", checkLeaks},
		{"there is no init function", checkInit},
		{"package variables cannot change", checkVariables},
		{"errors are compared with errors.Is", checkErrors},
		{"packages say what they are", checkDoc},
		{"packages have a name of their own", checkName},
		{"comments leave nothing for later", checkComments},
		{"files hold one noun", checkLength},
	}
}

func TestHouse(t *testing.T) {
	packages := loadModule(t)
	if len(packages) < 2 {
		t.Fatalf("only %d packages found; the walk is broken", len(packages))
	}
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			for _, p := range packages {
				for _, complaint := range r.check(p) {
					t.Error(complaint)
				}
			}
		})
	}
}

func TestCommittedTextNamesNoPrivatePath(t *testing.T) {
	top := root(t)
	err := walk(top, func(rel string) error {
		content, err := os.ReadFile(filepath.Join(top, rel))
		if err != nil {
			return err
		}
		for _, complaint := range checkText(rel, content) {
			t.Error(complaint)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
