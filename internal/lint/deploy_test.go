package lint_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// instructions takes a Dockerfile apart: comments go, and continued lines are one.
func instructions(text string) (all [][2]string) {
	text = regexp.MustCompile(`(?m)^\s*#.*\n`).ReplaceAllString(text, "")
	text = strings.ReplaceAll(text, "\\\n", " ")
	for line := range strings.Lines(text) {
		if name, rest, _ := strings.Cut(strings.TrimSpace(line), " "); name != "" {
			all = append(all, [2]string{name, rest})
		}
	}
	return all
}

// TestTheDockerfileIsOne: nothing here builds it. Every instruction is one, what
// is copied from a context is there, and the image is of a user who is not root.
func TestTheDockerfileIsOne(t *testing.T) {
	top := root(t)
	text, err := os.ReadFile(filepath.Join(top, "deploy/docker/Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	known := []string{"FROM", "WORKDIR", "COPY", "RUN", "USER", "ENV", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
	var user string
	for i, in := range instructions(string(text)) {
		switch name, rest := in[0], in[1]; {
		case !slices.Contains(known, name) || rest == "":
			t.Errorf("%q is no instruction", in)
		case i == 0 && name != "FROM":
			t.Errorf("it begins with %q", in)
		case name == "USER":
			user = rest
		case name == "COPY" && !strings.HasPrefix(rest, "--from="):
			words := strings.Fields(rest)
			for _, source := range words[:len(words)-1] {
				if _, err := os.Stat(filepath.Join(top, source)); err != nil {
					t.Error(err)
				}
			}
		}
	}
	if uid, _, _ := strings.Cut(user, ":"); uid == "" || uid == "0" || uid == "root" {
		t.Errorf("it runs as %q", user)
	}
	if !regexp.MustCompile(`(?m)^COPY --from=build --chown=65532:65532 \S+ /tmp$`).Match(text) {
		t.Error("an image of nothing has no directory for temporary files, which backups need")
	}
}

// TestTheComposeFileNamesWhatIsThere: nothing here runs it. It is YAML, its files
// are there, and its volumes are declared.
func TestTheComposeFileNamesWhatIsThere(t *testing.T) {
	dir := filepath.Join(root(t), "deploy/docker")
	text, err := os.ReadFile(filepath.Join(dir, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct {
			Image   string
			Build   struct{ Context, Dockerfile string }
			Volumes []string

			Fixed     bool     `yaml:"read_only"`
			Temporary []string `yaml:"tmpfs"`
		}
		Volumes map[string]any
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Services) != 3 {
		t.Errorf("%d services", len(file.Services))
	}
	for name, s := range file.Services {
		if s.Build.Context != "" {
			if _, err := os.Stat(filepath.Join(dir, s.Build.Context, s.Build.Dockerfile)); err != nil {
				t.Error(err)
			}
		} else if s.Image == "" {
			t.Errorf("%s has neither image nor build", name)
		}
		if s.Fixed && len(s.Temporary) == 0 {
			t.Errorf("%s has no place for temporary files, which backups need", name)
		}
		for _, v := range s.Volumes {
			source, _, _ := strings.Cut(v, ":")
			if _, declared := file.Volumes[source]; declared {
				continue
			}
			if _, err := os.Stat(filepath.Join(dir, source)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
