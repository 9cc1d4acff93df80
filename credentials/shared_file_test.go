package credentials_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/credentials"
)

// shared are the two files of a user; one without text is not there.
func shared(t *testing.T, config, keys string) credentials.SharedFile {
	t.Helper()
	dir := t.TempDir()
	f := credentials.SharedFile{ConfigFile: filepath.Join(dir, "config"), CredentialsFile: filepath.Join(dir, "credentials")}
	for path, text := range map[string]string{f.ConfigFile: config, f.CredentialsFile: keys} {
		if text != "" {
			write(t, path, text)
		}
	}
	return f
}

// keys are those of a profile in a file.
const keys = "aws_access_key_id = " + keyID + "\naws_secret_access_key = " + hidden + "\n"

func TestProfilesAreReadAsTheToolsOfAWSDo(t *testing.T) {
	for name, tc := range map[string]struct {
		config, credentials, profile, environment string
		token                                     string
	}{
		"the default profile":                     {credentials: "[default]\n" + keys},
		"a session":                               {credentials: "[default]\n" + keys + "aws_session_token=" + token, token: token},
		"keys in the config file":                 {config: "[default]\n" + keys},
		"a profile in the config file":            {config: "[profile gate]\n" + keys, profile: "gate"},
		"the credentials file goes first":         {config: "[profile gate]\naws_access_key_id=AKIDOTHER\naws_secret_access_key=other", credentials: "[gate]\n" + keys, profile: "gate"},
		"the environment names the profile":       {credentials: "[default]\naws_access_key_id=AKIDOTHER\n[gate]\n" + keys, environment: "gate"},
		"the program goes before the environment": {credentials: "[gate]\n" + keys, profile: "gate", environment: "yard"},
		"comments":                                 {credentials: "# of the gate\n; and no other\n[default] # here\n" + keys + "#aws_access_key_id = AKIDOTHER\n;aws_secret_access_key = other\n region = x ; y\n"},
		"a mark within a word is no comment":       {credentials: "[default]\naws_access_key_id=" + keyID + " # id\naws_secret_access_key=" + hidden + "\t; secret\n"},
		"blanks, tabs and the line ends of others": {credentials: "\r\n  [ default ]\r\naws_access_key_id\t=\t" + keyID + "  \r\n\r\nAWS_Secret_Access_Key=" + hidden + "\r\n"},
		"a mark of an editor at the beginning":     {credentials: "\ufeff[default]\n" + keys},
		"no line end at the end":                   {credentials: "[default]\naws_access_key_id=" + keyID + "\naws_secret_access_key=" + hidden},
		"what is no setting":                       {credentials: "a word\naws_access_key_id=AKIDOUTSIDE\n[\n[default]\n=\nx\n" + keys + "=\n"},
		"a profile in two parts":                   {credentials: "[default]\naws_access_key_id=" + keyID + "\n[other]\na=b\n[default]\naws_secret_access_key=" + hidden + "\n"},
		"a profile whose name has blanks":          {config: "[profile 'front  gate']\n" + keys, profile: "front gate"},
		"a service's settings are not the user's":  {config: "[default]\n" + keys + "s3 =\n  aws_access_key_id = AKIDOTHER\n"},
		"keys go before a program":                 {credentials: "[default]\n" + keys + "credential_process = exit 1\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_PROFILE", tc.environment)
			f := shared(t, tc.config, tc.credentials)
			f.Profile = tc.profile
			if got, err := f.Source()(t.Context()); err != nil || got != secrets(tc.token) {
				t.Errorf("%v (%q), %v", got, got.SecretAccessKey, err)
			}
		})
	}
}

func TestWhatAProfileHasNotIsSaid(t *testing.T) {
	t.Setenv("AWS_PROFILE", "")
	for name, tc := range map[string]struct {
		config, credentials, profile string
		says                         []string
	}{
		"no files":                     {says: []string{`"default"`}},
		"no profile of that name":      {credentials: "[default]\n" + keys, profile: "gate", says: []string{`"gate"`}},
		"a profile without its prefix": {config: "[gate]\n" + keys, profile: "gate", says: []string{`"gate"`}},
		"an id alone":                  {credentials: "[default]\naws_access_key_id=" + keyID, says: []string{`"default"`}},
		"a secret alone":               {credentials: "[default]\naws_secret_access_key=" + hidden, says: []string{`"default"`}},
		"a secret that is empty":       {credentials: "[default]\naws_access_key_id=" + keyID + "\naws_secret_access_key=\n", says: []string{`"default"`}},
	} {
		t.Run(name, func(t *testing.T) {
			f := shared(t, tc.config, tc.credentials)
			f.Profile = tc.profile
			_, err := f.Source()(t.Context())
			refused(t, err, credentials.ErrMissing, append(tc.says, f.ConfigFile, f.CredentialsFile)...)
		})
	}
	for _, key := range []string{"sso_session", "sso_start_url", "role_arn", "web_identity_token_file"} {
		f := shared(t, "[profile gate]\nsource_profile = default\n"+key+" = "+hidden+"\n[default]\n"+keys, "")
		f.Profile = "gate"
		_, err := f.Source()(t.Context())
		refused(t, err, credentials.ErrMissing, `"gate"`, key+", which is not supported")
	}
}

func TestFilesThatCannotBeReadAreNamed(t *testing.T) {
	f := shared(t, "", "[default]\n"+keys)
	if err := os.Mkdir(f.ConfigFile, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := f.Source()(t.Context())
	refused(t, err, nil, f.ConfigFile)

	f = shared(t, "", "[default]\n"+keys+fmt.Sprintf("x = %0100000d", 1))
	_, err = f.Source()(t.Context())
	refused(t, err, nil, f.CredentialsFile)
}

func TestTheFilesAreWhereTheToolsOfAWSHaveThem(t *testing.T) {
	home := t.TempDir()
	for _, name := range []string{"AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", home)
	if err := os.Mkdir(filepath.Join(home, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(home, ".aws", "credentials"), "[default]\n"+keys)
	source := credentials.SharedFile{}.Source()
	if got, err := source(t.Context()); err != nil || got != secrets("") {
		t.Errorf("%v, %v", got, err)
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", fileOf(t, "[default]\naws_access_key_id=AKIDOTHER\naws_secret_access_key=other"))
	if got, err := (credentials.SharedFile{}.Source())(t.Context()); err != nil || got.AccessKeyID != "AKIDOTHER" {
		t.Errorf("elsewhere: %v, %v", got, err)
	}
}

func TestFilesThatChangeAreReadAgain(t *testing.T) {
	f := shared(t, "", "[default]\n"+keys)
	source := f.Source()
	get := func(want string) {
		t.Helper()
		if got, err := source(t.Context()); err != nil || got.AccessKeyID != want {
			t.Errorf("%v, not %s, %v", got, want, err)
		}
	}
	get(keyID)
	get(keyID)
	write(t, f.CredentialsFile, "[default]\naws_access_key_id = AKIDSECOND\naws_secret_access_key = "+hidden+"\n")
	get("AKIDSECOND")
	if err := os.Remove(f.CredentialsFile); err != nil {
		t.Fatal(err)
	}
	_, err := source(t.Context())
	refused(t, err, credentials.ErrMissing, f.CredentialsFile)
	write(t, f.ConfigFile, "[default]\n"+keys)
	get(keyID)
	if err := os.Chtimes(f.ConfigFile, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	get(keyID)
}

// printing is a config file with a program that notes that it was started, and
// then does what a script says.
func printing(t *testing.T, script string) (f credentials.SharedFile, starts func() int) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "starts")
	f = shared(t, "[default]\ncredential_process = echo >> '"+log+"'; "+script+"\n", "")
	return f, func() int {
		info, err := os.Stat(log)
		if err != nil {
			return 0
		}
		return int(info.Size())
	}
}

// echo prints credentials with further members, as a shell command.
func echo(members string) string {
	return `printf '%s' '{"Version":1,"AccessKeyId":"` + keyID + `","SecretAccessKey":"` + hidden + `"` + members + `}'`
}

func TestAProgramPrintsCredentials(t *testing.T) {
	t.Setenv("AWS_PROFILE", "")
	end := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	for name, tc := range map[string]struct {
		script string
		want   millrace.Credentials
		says   string
	}{
		"keys":                {script: echo(""), want: secrets("")},
		"a session":           {script: echo(`,"SessionToken":"` + token + `"`), want: secrets(token)},
		"keys that end":       {script: echo(`,"Expiration":"` + end.Format(time.RFC3339) + `"`), want: secrets("")},
		"talk beside":         {script: "echo be patient >&2; " + echo(""), want: secrets("")},
		"nothing":             {script: "true", says: "no JSON object"},
		"no JSON":             {script: "echo " + hidden, says: "no JSON object"},
		"JSON of another":     {script: `printf '{"Version":2,"SecretAccessKey":"` + hidden + `"}'`, says: "version 2"},
		"no key":              {script: `printf '{"Version":1,"SecretAccessKey":"` + hidden + `"}'`, says: "no key"},
		"an end that is none": {script: echo(`,"Expiration":"` + hidden + `"`), says: "no JSON object"},
		"too much":            {script: echo("") + "; head -c 100000 /dev/zero", says: "printed too much"},
		"a failure":           {script: echo("") + "; echo no network >&2; exit 7", says: "exit status 7: no network"},
		"a long complaint":    {script: "head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1", says: "exit status 1: xxx"},
		"no such program":     {script: "/nonexistent/program", says: "/nonexistent/program"},
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := printing(t, tc.script)
			got, err := f.Source()(t.Context())
			if tc.says != "" {
				refused(t, err, nil, "credential_process: ", tc.says)
				if len(err.Error()) > 2000 {
					t.Errorf("the error has %d bytes", len(err.Error()))
				}
				return
			}
			if err != nil || !got.SameKey(tc.want) || name == "keys that end" && !got.Expires.Equal(end) {
				t.Errorf("%v until %v, %v", got, got.Expires, err)
			}
		})
	}
}

func TestAProgramIsNotStartedForEachRequest(t *testing.T) {
	t.Setenv("AWS_PROFILE", "")
	synctest.Test(t, func(t *testing.T) {
		f, starts := printing(t, echo(""))
		source := f.Source()
		get := func(want int) {
			t.Helper()
			if got, err := source(t.Context()); err != nil || got != secrets("") || starts() != want {
				t.Errorf("%v after %d starts, not %d, %v", got, starts(), want, err)
			}
		}
		get(1)
		get(1)
		time.Sleep(59 * time.Second)
		get(1)
		time.Sleep(time.Second)
		get(2)
		get(2)
	})
}

func TestAProgramThatHangsEndsWithItsCaller(t *testing.T) {
	t.Setenv("AWS_PROFILE", "")
	f, _ := printing(t, "echo wait >&2; exec sleep 60")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := f.Source()(ctx)
	if refused(t, err, ctx.Err(), "credential_process"); time.Since(began) > 20*time.Second {
		t.Errorf("it took %v", time.Since(began))
	}
}

func TestAFileWithoutPermissionIsNamed(t *testing.T) {
	f := shared(t, "", "[default]\n"+keys)
	if err := os.Chmod(f.CredentialsFile, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(f.CredentialsFile); err == nil {
		return // whoever runs this may read everything
	}
	_, err := f.Source()(t.Context())
	refused(t, err, fs.ErrPermission, f.CredentialsFile)
}
