//go:build interop

package interop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesisvideo"
	"github.com/aws/smithy-go"
)

// credentials are what millrace key create and millrace key session print.
type credentials struct{ AccessKeyID, SecretAccessKey, SessionToken string }

// millraceKey makes a key, or takes a session out, with the root key.
func (r *rig) millraceKey(t *testing.T, args ...string) (c credentials) {
	t.Helper()
	out := r.output(t, r.binary, append([]string{"--json", "key"}, args...)...)
	must(t, json.Unmarshal([]byte(out), &c))
	return c
}

// sdkWith is the SDK's client with other credentials than root's.
func (r *rig) sdkWith(t *testing.T, c credentials) *kinesisvideo.Client {
	t.Helper()
	config := r.sdkConfig(t)
	config.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}, nil
	})
	return kinesisvideo.NewFromConfig(config)
}

// TestGoSDKWithAKeyForOneStream: the key, and a session of it, do what they are
// for; everything else is refused with an error that the SDK knows.
func TestGoSDKWithAKeyForOneStream(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, r *rig) {
		mine, other := "keys-mine", "keys-other"
		for _, name := range []string{mine, other} {
			_, err := kinesisvideo.NewFromConfig(r.sdkConfig(t)).CreateStream(t.Context(), &kinesisvideo.CreateStreamInput{StreamName: &name})
			must(t, err)
		}
		key := r.millraceKey(t, "create", "go-sdk", "--role", "consumer", "--allow", "GetSessionToken", "--stream", mine)
		session := r.millraceKey(t, "session", "--duration", "15m", "--role", "consumer", "--stream", mine)
		for what, kv := range map[string]*kinesisvideo.Client{"key": r.sdkWith(t, key), "session": r.sdkWith(t, session)} {
			describe(t, kv, mine)
			_, err := kv.DescribeStream(t.Context(), &kinesisvideo.DescribeStreamInput{StreamName: &other})
			wantAPIError(t, what+" on another stream", err, "AccessDeniedException", "kinesisvideo:DescribeStream on resource: "+other)
			_, err = kv.ListStreams(t.Context(), &kinesisvideo.ListStreamsInput{})
			wantAPIError(t, what+" on all streams", err, "AccessDeniedException", "kinesisvideo:ListStreams on resource: *")
			_, err = kv.TagStream(t.Context(), &kinesisvideo.TagStreamInput{StreamName: &mine, Tags: map[string]string{"a": "b"}})
			wantAPIError(t, what+" in another way", err, "AccessDeniedException", "kinesisvideo:TagStream on resource: "+mine)
		}
		session.SessionToken = strings.ToUpper(session.SessionToken)
		_, err := r.sdkWith(t, session).DescribeStream(t.Context(), &kinesisvideo.DescribeStreamInput{StreamName: &mine})
		wantAPIError(t, "a wrong token", err, "UnrecognizedClientException", "security token")
		r.output(t, r.binary, "key", "disable", key.AccessKeyID)
		_, err = r.sdkWith(t, key).DescribeStream(t.Context(), &kinesisvideo.DescribeStreamInput{StreamName: &mine})
		wantAPIError(t, "a disabled key", err, "UnrecognizedClientException", "security token")
	})
}

func wantAPIError(t *testing.T, what string, err error, code, text string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), text) {
		t.Errorf("%s: %v, want %s: ... %s", what, err, code, text)
	}
}

// TestAWSCLITakesSessionsOut: millrace key session is a credential_process.
func TestAWSCLITakesSessionsOut(t *testing.T) {
	eachAWSCLI(t, func(t *testing.T, cli awsCLI) {
		r := cli.r
		name := "keys-process-" + cli.version
		r.output(t, r.binary, "stream", "create", name)
		config := filepath.Join(t.TempDir(), "config")
		must(t, os.WriteFile(config, []byte(fmt.Sprintf(
			"[profile camera]\nregion = %s\ncredential_process = %s --json key session --role camera --stream %s\n", region, r.binary, name)), 0o600))
		run := func(args ...string) (string, error) {
			cmd := r.command(t.Context(), cli.path, append([]string{"--endpoint-url", r.url, "--profile", "camera", "kinesisvideo"}, args...)...)
			cmd.Env = append(cmd.Env, "AWS_CONFIG_FILE="+config)
			out, err := cmd.CombinedOutput()
			return string(out), err
		}
		if out, err := run("describe-stream", "--stream-name", name); err != nil || !strings.Contains(out, name) {
			t.Errorf("describe: %v\n%s", err, out)
		}
		if out, err := run("list-streams"); err == nil || !strings.Contains(out, "AccessDeniedException") || !strings.Contains(out, ":assumed-role/root/") {
			t.Errorf("list: %v\n%s", err, out)
		}
	})
}
