package lint_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// linksIn returns the relative targets of a page's links, without anchors.
func linksIn(page string) []string {
	var targets []string
	for _, match := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(page, -1) {
		target, _, _ := strings.Cut(match[1], "#")
		if target != "" && !strings.Contains(target, "://") {
			targets = append(targets, target)
		}
	}
	return targets
}

func TestLinksIn(t *testing.T) {
	page := "see [a](a.md), [b](docs/b.md#part), [here](#below) and [there](https://example.com/x)\n"
	if got, want := linksIn(page), []string{"a.md", "docs/b.md"}; !slices.Equal(got, want) {
		t.Errorf("links are %q, want %q", got, want)
	}
}

func TestLinksBetweenPagesLeadSomewhere(t *testing.T) {
	top := root(t)
	pages := 0
	err := walk(top, func(rel string) error {
		if !strings.HasSuffix(rel, ".md") {
			return nil
		}
		pages++
		page, err := os.ReadFile(filepath.Join(top, rel))
		if err != nil {
			return err
		}
		for _, target := range linksIn(string(page)) {
			if _, err := os.Stat(filepath.Join(top, path.Dir(rel), target)); err != nil {
				t.Errorf("%s links to %s, which is not there", rel, target)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if pages == 0 {
		t.Error("no page was found; the walk is broken")
	}
}
