//go:build interop

package interop

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// python is the interpreter of the environment that run.sh made, which has
// boto3 and the aws command line beside it.
func python(t *testing.T) string {
	t.Helper()
	return ofPython(t, "python")
}

func ofPython(t *testing.T, program string) string {
	t.Helper()
	home := os.Getenv("MILLRACE_INTEROP_PYTHON")
	path := filepath.Join(home, "bin", program)
	if _, err := os.Stat(path); home == "" || err != nil {
		t.Skipf("boto3 and the aws command line are not installed: %s is not there", path)
	}
	return path
}

func TestBoto3RunsTheControlOperations(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, r *rig) {
		r.output(t, python(t), "python/control.py")
	})
}

// TestTheTableOfShapesIsThatOfBotocore: what the unit tests hold the server to,
// member by member, is what AWS publishes for its clients.
func TestTheTableOfShapesIsThatOfBotocore(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), python(t), "python/shapes.py", "../internal/api/testdata/shapes.txt").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestBoto3ReadsWithEverySelector(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, r *rig) {
		interpreter := python(t)
		r.fill(t, "boto3-media")
		r.output(t, interpreter, "python/media.py", "boto3-media", fmt.Sprint(clipSeconds))
	})
}

// TestBoto3JoinsALiveStream: NOW begins with the fragment that is arriving.
func TestBoto3JoinsALiveStream(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, r *rig) {
		interpreter := python(t)
		r.newStream(t, "boto3-live")
		producer := r.command(t.Context(), r.binary, "push", "boto3-live", clip(t), "--realtime")
		must(t, producer.Start())
		time.Sleep(1500 * time.Millisecond) // so that NOW is not the first fragment, and most are left for a client that starts slowly
		r.output(t, interpreter, "python/live.py", "boto3-live", fmt.Sprint(clipSeconds))
		must(t, producer.Wait())
	})
}

// TestBoto3KeepsConfigurations: the operations beside streams, those on
// channels, and the ways in which a client is told of a server and a session.
func TestBoto3KeepsConfigurations(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, r *rig) {
		interpreter := python(t)
		var session struct{ AccessKeyID, SecretAccessKey, SessionToken string }
		must(t, json.Unmarshal([]byte(r.output(t, r.binary, "--json", "key", "session", "--duration", "15m")), &session))
		r.output(t, interpreter, "python/configurations.py", session.AccessKeyID, session.SecretAccessKey, session.SessionToken)
	})
}

// TestBoto3ReadsArchivedMedia: all four operations on what is kept, with their
// paginator and their typed exceptions.
func TestBoto3ReadsArchivedMedia(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, r *rig) {
		interpreter := python(t)
		r.fill(t, "boto3-archived")
		r.output(t, interpreter, "python/archived.py", "boto3-archived", fmt.Sprint(clipSeconds))
	})
}
