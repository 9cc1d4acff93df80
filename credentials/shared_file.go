package credentials

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/profile"
)

// processLife is how long what a program printed without an end is used before
// the program is started again.
const processLife = time.Minute

// A SharedFile says where a profile is in the files that AWS tools share. Its
// zero value is where those tools look: AWS_PROFILE, AWS_CONFIG_FILE,
// AWS_SHARED_CREDENTIALS_FILE and ~/.aws.
type SharedFile struct {
	Profile         string // empty: AWS_PROFILE, or else the default one
	CredentialsFile string // path
	ConfigFile      string // path
}

// Source returns a source that reads the files, again whenever they have
// changed. A profile without keys may name a credential_process, which is
// started with the user's shell and has to print AWS's JSON within a minute.
// Where there is neither, and where there is no such profile, it says ErrMissing.
func (f SharedFile) Source() millrace.CredentialsSource {
	found := profile.Find(os.Getenv)
	s := &sharedFile{
		name: cmp.Or(f.Profile, os.Getenv("AWS_PROFILE")),
		files: profile.Files{
			Config:      cmp.Or(f.ConfigFile, found.Config),
			Credentials: cmp.Or(f.CredentialsFile, found.Credentials),
		},
	}
	return s.credentials
}

type sharedFile struct {
	name  string
	files profile.Files

	mu   sync.Mutex // guards what follows
	kept millrace.Credentials
	was  [2]state  // of the files that kept was read from
	till time.Time // kept is used until then; zero as long as the files stay
}

// A state tells a file from what it was before.
type state struct {
	size     int64
	modified time.Time
}

func stateOf(path string) state {
	info, err := os.Stat(path)
	if err != nil {
		return state{size: -1}
	}
	return state{info.Size(), info.ModTime()}
}

func (s *sharedFile) credentials(ctx context.Context) (millrace.Credentials, error) {
	is := [2]state{stateOf(s.files.Config), stateOf(s.files.Credentials)} // before they are read: a change meanwhile is seen the next time
	if c, ok := s.current(is); ok {
		return c, nil
	}
	c, till, err := s.read(ctx)
	if err != nil {
		return millrace.Credentials{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept, s.was, s.till = c, is, till
	return c, nil
}

func (s *sharedFile) current(is [2]state) (millrace.Credentials, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ok := s.kept.AccessKeyID != "" && s.kept.Expires.IsZero() && is == s.was
	return s.kept, ok && (s.till.IsZero() || time.Now().Before(s.till))
}

// read returns what the files say, and until when to use what does not end.
func (s *sharedFile) read(ctx context.Context) (c millrace.Credentials, till time.Time, err error) {
	p, err := s.files.Load(s.name)
	if errors.Is(err, profile.ErrMissing) {
		return c, till, fmt.Errorf("%w; %w", ErrMissing, err)
	}
	if err != nil {
		return c, till, err
	}
	if c = keysOf(p); c.AccessKeyID != "" && c.SecretAccessKey != "" {
		return c, till, nil
	}
	if command := p.Value("credential_process"); command != "" {
		c, err = runProcess(ctx, command)
		return c, time.Now().Add(processLife), err
	}
	return c, till, s.missing(p)
}

func keysOf(p profile.Profile) millrace.Credentials {
	return millrace.Credentials{
		AccessKeyID:     p.Value("aws_access_key_id"),
		SecretAccessKey: p.Value("aws_secret_access_key"),
		SessionToken:    p.Value("aws_session_token"),
	}
}

// missing says why there are no keys: the profile names a way to get them that is
// not gone here, or none.
func (s *sharedFile) missing(p profile.Profile) error {
	for _, key := range [...]string{"sso_session", "sso_start_url", "role_arn", "web_identity_token_file"} {
		if p.Value(key) != "" {
			return fmt.Errorf("%w; profile %q uses %s, which is not supported", ErrMissing, p.Name, key)
		}
	}
	return fmt.Errorf("%w; profile %q has none in %s and %s", ErrMissing, p.Name, s.files.Credentials, s.files.Config)
}
