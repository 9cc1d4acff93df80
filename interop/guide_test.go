//go:build interop

package interop

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A block is a fenced block of shell commands in a page of the guide.
//
// Behind "sh" its info string may say "background": the block goes on while
// the page's later ones run, as in a terminal of its own. "needs-" and a word
// says what it takes that a test has not, such as needs-docker; of such a
// block only the syntax is checked.
type block struct {
	place      string // page and line
	text       string
	background bool
	needs      string // empty if it can be run
}

// TestGuide runs every page of the guide, block after block, as a reader would:
// in one shell, in an empty home, on a machine where nothing listens yet. A page
// that goes on from another says so in a comment, and what that one does is done
// before. Where it may, the test gives each page a network, a /var/lib and a
// /mnt of its own.
func TestGuide(t *testing.T) {
	pages, err := filepath.Glob("../docs/guide/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("pages: %q, %v", pages, err)
	}
	for _, page := range pages {
		name := strings.TrimSuffix(filepath.Base(page), ".md")
		t.Run(name, func(t *testing.T) {
			runPage(t, readPage(t, page))
		})
	}
}

// goesOn begins the comment that names the page which comes before.
const goesOn = "<!-- goes on from "

// readPage returns the blocks of a page, behind those of the page that it goes
// on from.
func readPage(t *testing.T, path string) []block {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := shellBlocks(filepath.Base(path), string(text))
	if err != nil {
		t.Fatal(err)
	}
	if _, rest, found := strings.Cut(string(text), goesOn); found {
		before, _, _ := strings.Cut(rest, " ")
		return append(readPage(t, filepath.Join(filepath.Dir(path), before)), blocks...)
	}
	return blocks
}

// shellBlocks takes a page apart. Every fence must have an info string, so that
// no command is left out by mistake.
func shellBlocks(name, page string) (blocks []block, err error) {
	var open *block
	var other bool // within a fence that is not a shell's
	for i, line := range strings.SplitAfter(page, "\n") {
		info, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch words := strings.Fields(info); {
		case fence && open != nil:
			blocks = append(blocks, *open)
			open = nil
		case fence && other:
			other = false
		case fence && len(words) == 0:
			return nil, fmt.Errorf("%s:%d: a fence without a language", name, i+1)
		case fence && words[0] == "sh":
			open = &block{place: fmt.Sprintf("%s:%d", name, i+1)}
			for _, word := range words[1:] {
				what, needs := strings.CutPrefix(word, "needs-")
				switch {
				case needs:
					open.needs = what
				case word == "background":
					open.background = true
				default:
					return nil, fmt.Errorf("%s:%d: %q is not known", name, i+1, word)
				}
			}
		case fence:
			other = true
		case open != nil:
			open.text += line
		}
	}
	return blocks, nil
}

func runPage(t *testing.T, blocks []block) {
	for _, b := range blocks {
		check := exec.Command("bash", "-n")
		check.Stdin = strings.NewReader(b.text)
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", b.place, err, out)
		}
		if b.needs != "" {
			t.Logf("%s is not run, for it needs %s", b.place, b.needs)
		}
	}
	runs := slices.DeleteFunc(slices.Clone(blocks), func(b block) bool { return b.needs != "" })
	if len(runs) == 0 || t.Failed() {
		return
	}
	home := t.TempDir()
	for _, dir := range []string{".mnt", ".var-lib"} {
		if err := os.Mkdir(filepath.Join(home, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script := filepath.Join(home, ".page.sh")
	if err := os.WriteFile(script, []byte(pageScript(runs)), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", script)
	if isolated() {
		cmd = exec.CommandContext(ctx, "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c",
			"ip link set lo up && mount --bind .mnt /mnt && mount --bind .var-lib /var/lib && exec bash "+script)
	}
	cmd.Dir, cmd.Env = home, pageEnv(t, home)
	// The page's children are a group, so that none outlives it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Errorf("%v\n%s\n%s", err, tailOf(out.String(), 6000), backgroundLogs(home))
	}
	t.Logf("%s", tailOf(out.String(), 20_000))
}

// isolated says whether pages can be given a network of their own.
func isolated() bool {
	return exec.Command("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", "ip link set lo up").Run() == nil
}

// pageScript is the page as one script, which says where it is.
func pageScript(blocks []block) string {
	var s strings.Builder
	s.WriteString(`set -euo pipefail
at=
end() {
	rc=$?
	[[ $rc == 0 ]] || echo "### the block of $at ended with $rc"
	for job in $(jobs -p); do kill -INT -- "-$job" 2>/dev/null || true; done
	for _ in $(seq 100); do [[ -n "$(jobs -rp)" ]] || break; sleep 0.1; done
	for job in $(jobs -rp); do echo "### a background block does not end"; kill -KILL -- "-$job"; rc=1; done
	exit $rc
}
trap end EXIT
serving() {
	for _ in $(seq 200); do ! grep -q '^Serving' "$1" || return 0; sleep 0.1; done
	cat "$1"; return 1
}
set -m
`)
	for _, b := range blocks {
		fmt.Fprintf(&s, "at=%s; echo \"### $at\"\n", b.place)
		if !b.background {
			s.WriteString(b.text)
			continue
		}
		log := fmt.Sprintf("\"$HOME\"/.%s.log", b.place)
		fmt.Fprintf(&s, "{\n%s} >%s 2>&1 </dev/null &\n", b.text, log)
		if strings.Contains(b.text, "millrace server") || strings.Contains(b.text, "millrace demo") {
			fmt.Fprintf(&s, "serving %s\n", log)
		}
	}
	return s.String()
}

// pageEnv is a user's environment: the binary and the aws command on the PATH,
// and nothing configured. sudo is there in name, for whoever runs this is root
// or has nothing to gain.
func pageEnv(t *testing.T, home string) []string {
	t.Helper()
	bin := filepath.Join(home, ".bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(shared.binary, filepath.Join(bin, "millrace")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "sudo"), []byte("#!/bin/sh\nexec \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	path := bin
	if python := os.Getenv("MILLRACE_INTEROP_PYTHON"); python != "" {
		path += ":" + filepath.Join(python, "bin")
	}
	deploy, err := filepath.Abs("../deploy")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(deploy, filepath.Join(home, "deploy")); err != nil {
		t.Fatal(err)
	}
	return []string{
		"HOME=" + home, "TMPDIR=" + home, "PATH=" + path + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LANG=C.UTF-8", "TERM=dumb", "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "USER=root",
	}
}

func backgroundLogs(home string) string {
	logs, _ := filepath.Glob(filepath.Join(home, ".*.md:*.log"))
	var s strings.Builder
	for _, path := range logs {
		text, _ := os.ReadFile(path)
		fmt.Fprintf(&s, "--- %s\n%s\n", filepath.Base(path), tailOf(string(text), 3000))
	}
	return s.String()
}
