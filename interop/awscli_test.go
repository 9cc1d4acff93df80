//go:build interop

package interop

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// An awsCLI is one version of the aws command line, told to speak to one
// server by --endpoint-url, which every version has.
type awsCLI struct {
	r       *rig
	path    string
	version string // 1 or 2
}

// The exit codes that the command lines document, by version.
var (
	refused   = map[string]int{"1": 255, "2": 254} // by the service
	misused   = map[string]int{"1": 2, "2": 252}
	unreached = map[string]int{"1": 255, "2": 255}
)

// newAWSCLI finds version 1 beside boto3 and version 2 where Debian puts it.
func newAWSCLI(t *testing.T, r *rig, version string) awsCLI {
	t.Helper()
	if version == "1" {
		return awsCLI{r: r, path: ofPython(t, "aws"), version: version}
	}
	path := "/usr/bin/aws"
	out, err := exec.Command(path, "--version").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "aws-cli/2.") {
		t.Skipf("version 2 of the aws command line is not installed as %s: %s", path, out)
	}
	return awsCLI{r: r, path: path, version: version}
}

// eachAWSCLI runs a test with both versions, against both servers.
func eachAWSCLI(t *testing.T, test func(t *testing.T, cli awsCLI)) {
	t.Helper()
	plainAndTLS(t, func(t *testing.T, r *rig) {
		for _, version := range []string{"1", "2"} {
			t.Run("version "+version, func(t *testing.T) {
				t.Parallel()
				test(t, newAWSCLI(t, r, version))
			})
		}
	})
}

// run splits line at blanks and returns what the command said, and its code.
func (cli awsCLI) run(t *testing.T, line string, more ...string) (stdout, stderr string, code int) {
	t.Helper()
	args := append([]string{"--endpoint-url", cli.r.url}, strings.Fields(line)...)
	stdout, stderr, err := cli.r.run(t, nil, cli.path, append(args, more...)...)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("aws %s: %v", line, err)
	}
	if exit != nil {
		code = exit.ExitCode()
	}
	return stdout, stderr, code
}

// do runs an operation that has to succeed, and decodes what it prints.
func (cli awsCLI) do(t *testing.T, into any, line string, more ...string) {
	t.Helper()
	stdout, stderr, code := cli.run(t, line, more...)
	if code != 0 {
		t.Fatalf("aws %s %q: exit code %d\n%s\n%s", line, more, code, tailOf(stdout, 4000), tailOf(stderr, 4000))
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal([]byte(stdout), into); err != nil {
		t.Fatalf("aws %s printed %q: %v", line, stdout, err)
	}
}

// fails runs an operation that the service must refuse with this exception.
func (cli awsCLI) fails(t *testing.T, exception, line string, more ...string) {
	t.Helper()
	_, stderr, code := cli.run(t, line, more...)
	if !strings.Contains(stderr, "An error occurred ("+exception+") when calling the ") {
		t.Errorf("aws %s: %q; want %s", line, stderr, exception)
	}
	if code != refused[cli.version] {
		t.Errorf("aws %s: exit code %d, want %d", line, code, refused[cli.version])
	}
}

// TestAWSCLIRunsTheControlOperations: all of streams and tags, and what goes
// wrong.
func TestAWSCLIRunsTheControlOperations(t *testing.T) {
	eachAWSCLI(t, func(t *testing.T, cli awsCLI) {
		prefix := "awscli" + cli.version + "-"
		name := prefix + "life"
		var created struct{ StreamARN string }
		cli.do(t, &created, "kinesisvideo create-stream --data-retention-in-hours 2 --tags a=1,b=2 --stream-name", name)
		version := func() string {
			var d struct {
				StreamInfo struct {
					StreamARN, Status, Version string
					DataRetentionInHours       int
				}
			}
			cli.do(t, &d, "kinesisvideo describe-stream --stream-name", name)
			if d.StreamInfo.StreamARN != created.StreamARN || d.StreamInfo.Status != "ACTIVE" {
				t.Errorf("described as %+v", d)
			}
			return d.StreamInfo.Version
		}
		cli.do(t, nil, "kinesisvideo update-stream --media-type video/h264", "--stream-name", name, "--current-version", version())
		cli.do(t, nil, "kinesisvideo update-data-retention --operation INCREASE_DATA_RETENTION"+
			" --data-retention-change-in-hours 1", "--stream-name", name, "--current-version", version())

		var endpoint struct{ DataEndpoint string }
		cli.do(t, &endpoint, "kinesisvideo get-data-endpoint --api-name GET_MEDIA --stream-name", name)
		if endpoint.DataEndpoint != cli.r.url {
			t.Errorf("endpoint is %s, want %s", endpoint.DataEndpoint, cli.r.url)
		}

		cli.do(t, nil, "kinesisvideo tag-stream --tags c=3 --stream-name", name)
		cli.do(t, nil, "kinesisvideo untag-stream --tag-key-list a --stream-name", name)
		cli.do(t, nil, "kinesisvideo tag-resource --tags Key=d,Value=4 --resource-arn", created.StreamARN)
		cli.do(t, nil, "kinesisvideo untag-resource --tag-key-list b --resource-arn", created.StreamARN)
		for _, line := range []string{"list-tags-for-stream --stream-arn", "list-tags-for-resource --resource-arn"} {
			var tagged struct{ Tags map[string]string }
			cli.do(t, &tagged, "kinesisvideo "+line, created.StreamARN)
			if len(tagged.Tags) != 2 || tagged.Tags["c"] != "3" || tagged.Tags["d"] != "4" {
				t.Errorf("%s: %v", line, tagged.Tags)
			}
		}

		cli.do(t, nil, "kinesisvideo create-stream --stream-name", prefix+"other")
		var list struct{ StreamInfoList []struct{ StreamName string } }
		cli.do(t, &list, "kinesisvideo list-streams --page-size 1 --stream-name-condition",
			"ComparisonOperator=BEGINS_WITH,ComparisonValue="+prefix)
		var names []string
		for _, info := range list.StreamInfoList {
			names = append(names, info.StreamName)
		}
		if !slices.Equal(names, []string{name, prefix + "other"}) {
			t.Errorf("listed %q", names)
		}

		cli.fails(t, "ResourceInUseException", "kinesisvideo create-stream --stream-name", name)
		cli.fails(t, "ResourceNotFoundException", "kinesisvideo describe-stream --stream-name awscli-nobody")
		cli.fails(t, "VersionMismatchException", "kinesisvideo update-stream --current-version stale --stream-name", name)
		cli.fails(t, "InvalidArgumentException", "kinesisvideo create-stream --stream-name a/b")
		cli.fails(t, "ResourceNotFoundException", "kinesis-video-media get-media --stream-name awscli-nobody"+
			" --start-selector StartSelectorType=NOW", filepath.Join(t.TempDir(), "out"))
		if _, _, code := cli.run(t, "kinesisvideo create-stream"); code != misused[cli.version] {
			t.Errorf("without a name: exit code %d, want %d", code, misused[cli.version])
		}
		cli.do(t, nil, "kinesisvideo delete-stream --stream-arn", created.StreamARN)
	})
}

// TestAWSCLIKeepsConfigurations: what stands beside a stream comes back as it
// was given. Version 2.9 is older than some operations.
func TestAWSCLIKeepsConfigurations(t *testing.T) {
	eachAWSCLI(t, func(t *testing.T, cli awsCLI) {
		name := "awscli" + cli.version + "-configured"
		var created struct{ StreamARN string }
		cli.do(t, &created, "kinesisvideo create-stream --data-retention-in-hours 24 --stream-name", name)
		home := strings.Split(created.StreamARN, ":")[3]

		cli.keeps(t, name, "notification-configuration", `{"Status":"ENABLED","DestinationConfig":{"Uri":"sns://arn:aws:sns:us-east-1:123456789012:door"}}`)
		cli.keeps(t, name, "image-generation-configuration", `{"Status":"ENABLED","ImageSelectorType":"PRODUCER_TIMESTAMP",`+
			`"DestinationConfig":{"Uri":"s3://bucket/path","DestinationRegion":"`+home+`"},"SamplingInterval":3000,"Format":"JPEG",`+
			`"FormatConfig":{"JPEGQuality":"80"},"WidthPixels":320,"HeightPixels":240}`)

		edge := `{"HubDeviceArn":"arn:aws:iot:us-east-1:123456789012:thing/` + name + `","RecorderConfig":{"MediaSourceConfig":` +
			`{"MediaUriSecretArn":"arn:aws:secretsmanager:us-east-1:123456789012:secret:door","MediaUriType":"RTSP_URI"}}}`
		cli.do(t, nil, "kinesisvideo start-edge-configuration-update --stream-name", name, "--edge-config", edge)
		var described struct {
			SyncStatus string
			EdgeConfig json.RawMessage
		}
		cli.do(t, &described, "kinesisvideo describe-edge-configuration --stream-name", name)
		if described.SyncStatus != "SYNCING" {
			t.Errorf("the edge configuration is %s", described.SyncStatus)
		}
		sameJSON(t, described.EdgeConfig, edge)

		var mapped struct{ MappedResourceConfigurationList []any }
		cli.do(t, &mapped, "kinesisvideo describe-mapped-resource-configuration --stream-name", name)
		channel := strings.Replace(created.StreamARN, ":stream/", ":channel/", 1)
		cli.fails(t, "ResourceNotFoundException", "kinesisvideo describe-media-storage-configuration --channel-arn", channel)
		cli.fails(t, "ResourceNotFoundException", "kinesisvideo update-media-storage-configuration"+
			" --media-storage-configuration Status=DISABLED --channel-arn", channel)
		cli.fails(t, "InvalidArgumentException", "kinesisvideo update-notification-configuration"+
			" --notification-configuration Status=SOMETIMES,DestinationConfig={Uri=s3://elsewhere} --stream-name", name)
		if cli.version == "1" {
			cli.keepsWhatIsNewer(t, name)
		}
	})
}

// keepsWhatIsNewer tries what version 2.9 does not have.
func (cli awsCLI) keepsWhatIsNewer(t *testing.T, name string) {
	t.Helper()
	var agents struct{ EdgeConfigs []struct{ StreamName string } }
	cli.do(t, &agents, "kinesisvideo list-edge-agent-configurations --hub-device-arn", "arn:aws:iot:us-east-1:123456789012:thing/"+name)
	if len(agents.EdgeConfigs) != 1 || agents.EdgeConfigs[0].StreamName != name {
		t.Errorf("the hub has %+v", agents)
	}
	cli.do(t, nil, "kinesisvideo delete-edge-configuration --stream-name", name)
	cli.fails(t, "StreamEdgeConfigurationNotFoundException", "kinesisvideo describe-edge-configuration --stream-name", name)

	var d struct{ StreamInfo struct{ Version string } }
	cli.do(t, &d, "kinesisvideo describe-stream --stream-name", name)
	cli.do(t, nil, "kinesisvideo update-stream-storage-configuration --stream-storage-configuration DefaultStorageTier=WARM",
		"--stream-name", name, "--current-version", d.StreamInfo.Version)
	var storage struct {
		StreamStorageConfiguration struct{ DefaultStorageTier string }
	}
	cli.do(t, &storage, "kinesisvideo describe-stream-storage-configuration --stream-name", name)
	if storage.StreamStorageConfiguration.DefaultStorageTier != "WARM" {
		t.Errorf("the storage is %+v", storage)
	}
}

// keeps updates and describes a configuration of one kind.
func (cli awsCLI) keeps(t *testing.T, stream, kind, value string) {
	t.Helper()
	cli.do(t, nil, "kinesisvideo update-"+kind, "--stream-name", stream, "--"+kind, value)
	var described map[string]json.RawMessage
	cli.do(t, &described, "kinesisvideo describe-"+kind, "--stream-name", stream)
	if len(described) != 1 {
		t.Errorf("%s: described as %s", kind, described)
	}
	for _, got := range described {
		sameJSON(t, got, value)
	}
}

// sameJSON compares two objects, in which the order of members is nothing.
func sameJSON(t *testing.T, got []byte, want string) {
	t.Helper()
	ordered := func(b []byte) string {
		var v any
		must(t, json.Unmarshal(b, &v))
		out, err := json.Marshal(v)
		must(t, err)
		return string(out)
	}
	if ordered(got) != ordered([]byte(want)) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestAWSCLIIsToldThatThereAreNoChannels: the signaling operations are known
// and refused as what they are.
func TestAWSCLIIsToldThatThereAreNoChannels(t *testing.T) {
	eachAWSCLI(t, func(t *testing.T, cli awsCLI) {
		channel := "arn:aws:kinesisvideo:us-east-1:000000000000:channel/door/1234567890123"
		cli.fails(t, "UnsupportedOperationException", "kinesisvideo create-signaling-channel --channel-name door")
		cli.fails(t, "UnsupportedOperationException", "kinesisvideo delete-signaling-channel --channel-arn", channel)
	})
}

// TestAWSCLIFindsTheServer: by the variables that a version knows, and never
// without trust in the certificate.
func TestAWSCLIFindsTheServer(t *testing.T) {
	eachAWSCLI(t, func(t *testing.T, cli awsCLI) {
		with := func(args []string, env ...string) (string, int) {
			cmd := cli.r.command(t.Context(), cli.path, args...)
			cmd.Env = slices.DeleteFunc(cmd.Env, func(variable string) bool {
				return strings.HasPrefix(variable, "AWS_ENDPOINT_URL=") || strings.Contains(variable, "_CA_BUNDLE=")
			})
			cmd.Env = append(cmd.Env, env...)
			out, err := cmd.CombinedOutput()
			if cmd.ProcessState == nil {
				t.Fatal(err)
			}
			return string(out), cmd.ProcessState.ExitCode()
		}
		list := []string{"kinesisvideo", "list-streams", "--max-items", "1"}
		if cli.version == "1" {
			bundle := "NO_CA_BUNDLE="
			if cli.r.ca != "" {
				bundle = "AWS_CA_BUNDLE=" + cli.r.ca
			}
			if out, code := with(list, bundle, "AWS_ENDPOINT_URL="+cli.r.url); code != 0 {
				t.Errorf("AWS_ENDPOINT_URL: exit code %d, %s", code, out)
			}
			if out, code := with(list, bundle, "AWS_ENDPOINT_URL=http://127.0.0.1:1", "AWS_ENDPOINT_URL_KINESIS_VIDEO="+cli.r.url); code != 0 {
				t.Errorf("AWS_ENDPOINT_URL_KINESIS_VIDEO: exit code %d, %s", code, out)
			}
		}
		if cli.r.ca == "" {
			return
		}
		to := append([]string{"--endpoint-url", cli.r.url}, list...)
		if out, code := with(append([]string{"--ca-bundle", cli.r.ca}, to...)); code != 0 {
			t.Errorf("--ca-bundle: exit code %d, %s", code, out)
		}
		out, code := with(to)
		if code != unreached[cli.version] || !strings.Contains(out, "SSL validation failed") {
			t.Errorf("without trust: exit code %d, %s", code, out)
		}
	})
}

// TestAWSCLIGetsMedia: get-media writes a file that holds every fragment and
// that ffmpeg can decode to the frames that went in.
func TestAWSCLIGetsMedia(t *testing.T) {
	eachAWSCLI(t, func(t *testing.T, cli awsCLI) {
		name := "awscli" + cli.version + "-media"
		cli.r.fill(t, name)
		path := filepath.Join(t.TempDir(), "out.mkv")
		var answer struct{ ContentType string }
		cli.do(t, &answer, "kinesis-video-media get-media --start-selector StartSelectorType=EARLIEST --stream-name", name, path)
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

// TestAWSCLIReadsArchivedMedia: all four operations, whose pages the command walks
// by itself.
func TestAWSCLIReadsArchivedMedia(t *testing.T) {
	eachAWSCLI(t, func(t *testing.T, cli awsCLI) {
		name := "awscli" + cli.version + "-archived"
		cli.r.fill(t, name)
		var listed struct {
			Fragments []struct {
				FragmentNumber      string
				FragmentSizeInBytes int64
				ProducerTimestamp   any
			}
		}
		const all = "FragmentSelectorType=SERVER_TIMESTAMP,TimestampRange={StartTimestamp=0,EndTimestamp=4102444800}"
		cli.do(t, &listed, "kinesis-video-archived-media list-fragments --page-size 3 --stream-name", name, "--fragment-selector", all)
		var numbers []string
		for _, f := range listed.Fragments {
			numbers = append(numbers, f.FragmentNumber)
		}
		if len(numbers) != clipSeconds || !slices.IsSorted(numbers) {
			t.Fatalf("listed %v", listed)
		}
		cli.fails(t, "InvalidArgumentException", "kinesis-video-archived-media list-fragments --starting-token bm8= --stream-name", name, "--fragment-selector", all)

		path := filepath.Join(t.TempDir(), "out.mkv")
		args := append([]string{name, path, "--fragments"}, numbers...)
		var answer struct{ ContentType string }
		cli.do(t, &answer, "kinesis-video-archived-media get-media-for-fragment-list --stream-name", args...)
		media, err := os.ReadFile(path)
		must(t, err)
		if got := numbersIn(media); answer.ContentType != "video/webm" || !slices.Equal(got, numbers) {
			t.Errorf("%q: fragments %v", answer.ContentType, got)
		}
		sameFrames(t, framesOf(t, path, true))
		cli.fails(t, "InvalidArgumentException", "kinesis-video-archived-media get-media-for-fragment-list --fragments x --stream-name", name, path)
		cli.plays(t, name)
	})
}

// plays makes a clip and a session for players of a stream that was just filled.
func (cli awsCLI) plays(t *testing.T, name string) {
	t.Helper()
	span := fmt.Sprintf("FragmentSelectorType=SERVER_TIMESTAMP,TimestampRange={StartTimestamp=%d,EndTimestamp=%d}",
		time.Now().Add(-time.Hour).Unix(), time.Now().Unix())
	clip := filepath.Join(t.TempDir(), "clip.mp4")
	stdout, stderr, code := cli.run(t, "kinesis-video-archived-media get-clip --stream-name", name, clip, "--clip-fragment-selector", span)
	if code != 0 || !strings.Contains(stdout, "video/mp4") {
		t.Fatalf("get-clip: exit code %d\n%s\n%s", code, stdout, stderr)
	}
	sameFrames(t, framesOf(t, clip, false))
	var session struct{ HLSStreamingSessionURL string }
	cli.do(t, &session, "kinesis-video-archived-media get-hls-streaming-session-url --playback-mode ON_DEMAND --stream-name", name, "--hls-fragment-selector", span)
	if !strings.HasPrefix(session.HLSStreamingSessionURL, cli.r.url+"/hls/v1/") {
		t.Errorf("the session is at %q", session.HLSStreamingSessionURL)
	}
}
