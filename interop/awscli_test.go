//go:build interop

package interop

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// awsCLI runs "aws" with arguments split at blanks and decodes what it prints.
func (r *rig) awsCLI(t *testing.T, into any, line string, more ...string) {
	t.Helper()
	out := r.output(t, ofPython(t, "aws"), append(strings.Fields(line), more...)...)
	if into == nil {
		return
	}
	if err := json.Unmarshal([]byte(out), into); err != nil {
		t.Fatalf("aws %s printed %q: %v", line, out, err)
	}
}

// awsCLIFails runs "aws", which must fail and name the exception.
func (r *rig) awsCLIFails(t *testing.T, exception, line string, more ...string) {
	t.Helper()
	_, stderr, err := r.run(t, nil, ofPython(t, "aws"), append(strings.Fields(line), more...)...)
	if err == nil || !strings.Contains(stderr, "("+exception+")") {
		t.Errorf("aws %s: %v, %q; want %s", line, err, stderr, exception)
	}
}

// TestAWSCLIRunsTheControlOperations: all thirteen, and what goes wrong.
func TestAWSCLIRunsTheControlOperations(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, r *rig) {
		var created struct{ StreamARN string }
		r.awsCLI(t, &created, "kinesisvideo create-stream --stream-name awscli-life --data-retention-in-hours 2 --tags a=1,b=2")
		version := func() string {
			var d struct {
				StreamInfo struct {
					StreamARN, Status, Version string
					DataRetentionInHours       int
				}
			}
			r.awsCLI(t, &d, "kinesisvideo describe-stream --stream-name awscli-life")
			if d.StreamInfo.StreamARN != created.StreamARN || d.StreamInfo.Status != "ACTIVE" {
				t.Errorf("described as %+v", d)
			}
			return d.StreamInfo.Version
		}
		r.awsCLI(t, nil, "kinesisvideo update-stream --stream-name awscli-life --media-type video/h264 --current-version", version())
		r.awsCLI(t, nil, "kinesisvideo update-data-retention --stream-name awscli-life --operation INCREASE_DATA_RETENTION"+
			" --data-retention-change-in-hours 1 --current-version", version())

		var endpoint struct{ DataEndpoint string }
		r.awsCLI(t, &endpoint, "kinesisvideo get-data-endpoint --stream-name awscli-life --api-name GET_MEDIA")
		if endpoint.DataEndpoint != r.url {
			t.Errorf("endpoint is %s, want %s", endpoint.DataEndpoint, r.url)
		}

		r.awsCLI(t, nil, "kinesisvideo tag-stream --stream-name awscli-life --tags c=3")
		r.awsCLI(t, nil, "kinesisvideo untag-stream --stream-name awscli-life --tag-key-list a")
		r.awsCLI(t, nil, "kinesisvideo tag-resource --tags Key=d,Value=4 --resource-arn", created.StreamARN)
		r.awsCLI(t, nil, "kinesisvideo untag-resource --tag-key-list b --resource-arn", created.StreamARN)
		for _, line := range []string{"list-tags-for-stream --stream-arn", "list-tags-for-resource --resource-arn"} {
			var tagged struct{ Tags map[string]string }
			r.awsCLI(t, &tagged, "kinesisvideo "+line, created.StreamARN)
			if len(tagged.Tags) != 2 || tagged.Tags["c"] != "3" || tagged.Tags["d"] != "4" {
				t.Errorf("%s: %v", line, tagged.Tags)
			}
		}

		r.awsCLI(t, nil, "kinesisvideo create-stream --stream-name awscli-other")
		var list struct{ StreamInfoList []struct{ StreamName string } }
		r.awsCLI(t, &list, "kinesisvideo list-streams --page-size 1 --stream-name-condition ComparisonOperator=BEGINS_WITH,ComparisonValue=awscli-")
		var names []string
		for _, info := range list.StreamInfoList {
			names = append(names, info.StreamName)
		}
		if !slices.Equal(names, []string{"awscli-life", "awscli-other"}) {
			t.Errorf("listed %q", names)
		}

		r.awsCLIFails(t, "ResourceInUseException", "kinesisvideo create-stream --stream-name awscli-life")
		r.awsCLIFails(t, "ResourceNotFoundException", "kinesisvideo describe-stream --stream-name awscli-nobody")
		r.awsCLIFails(t, "VersionMismatchException", "kinesisvideo update-stream --stream-name awscli-life --current-version stale")
		r.awsCLIFails(t, "InvalidArgumentException", "kinesisvideo create-stream --stream-name a/b")
		r.awsCLIFails(t, "ResourceNotFoundException", "kinesis-video-media get-media --stream-name awscli-nobody"+
			" --start-selector StartSelectorType=NOW", filepath.Join(t.TempDir(), "out"))

		r.awsCLI(t, nil, "kinesisvideo delete-stream --stream-arn", created.StreamARN)
	})
}

// TestAWSCLIGetsMedia: get-media writes a file that holds every fragment and
// that ffmpeg can decode to the frames that went in.
func TestAWSCLIGetsMedia(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, r *rig) {
		ofPython(t, "aws")
		r.fill(t, "awscli-media")
		path := filepath.Join(t.TempDir(), "out.mkv")
		var answer struct{ ContentType string }
		r.awsCLI(t, &answer, "kinesis-video-media get-media --stream-name awscli-media --start-selector StartSelectorType=EARLIEST", path)
		if answer.ContentType != "video/webm" {
			t.Errorf("content type is %q", answer.ContentType)
		}
		media, err := os.ReadFile(path)
		must(t, err)
		if n := len(numbersIn(media)); n != clipSeconds {
			t.Errorf("%d fragments, want %d", n, clipSeconds)
		}
		sameFrames(t, framesOf(t, path, true))
	})
}
