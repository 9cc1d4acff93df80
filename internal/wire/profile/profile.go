package profile

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
)

// Files are where the two files are. An empty path is a file that is not there.
type Files struct {
	Config      string
	Credentials string
}

// Find returns where the files are by the environment, which lookup reads as
// os.Getenv does.
func Find(lookup func(string) string) Files {
	return Files{
		Config:      cmp.Or(lookup("AWS_CONFIG_FILE"), homeFile(lookup, "config")),
		Credentials: cmp.Or(lookup("AWS_SHARED_CREDENTIALS_FILE"), homeFile(lookup, "credentials")),
	}
}

func homeFile(lookup func(string) string, name string) string {
	home := cmp.Or(lookup("HOME"), lookup("USERPROFILE"))
	if home == "" {
		return ""
	}
	return filepath.Join(home, ".aws", name)
}

// A Profile is one user's settings in the files.
type Profile struct {
	Name     string
	values   map[string]string // of the profile itself
	services map[string]string // of its services section, as "kinesis_video.endpoint_url"
}

// ErrMissing says that there is no profile of a name.
var ErrMissing = errors.New("there is no such profile")

// Load reads the profile of a name from both files. An empty name is the
// default profile. That need not be there; any other has to be, else Load says
// ErrMissing.
func (f Files) Load(name string) (Profile, error) {
	p := Profile{Name: cmp.Or(name, "default"), values: map[string]string{}}
	config, err := readSections(f.Config)
	if err != nil {
		return p, err
	}
	credentials, err := readSections(f.Credentials)
	if err != nil {
		return p, err
	}
	inConfig := config["profile "+p.Name]
	if p.Name == "default" && inConfig == nil {
		inConfig = config["default"]
	}
	inCredentials := credentials[p.Name]
	if p.Name != "default" && inConfig == nil && inCredentials == nil {
		return p, fmt.Errorf("%w: profile %q is neither in the AWS config file %s nor in the credentials file %s", ErrMissing, name, f.Config, f.Credentials)
	}
	for _, section := range []map[string]string{inConfig, inCredentials} { // credentials win
		for k, v := range section {
			p.values[k] = v
		}
	}
	p.services = config["services "+p.Value("services")]
	return p, nil
}

// Value returns what the profile has under a key, in lower case, or nothing.
func (p Profile) Value(key string) string { return p.values[key] }

// ServiceEndpoint returns the endpoint that the profile has for Kinesis Video
// alone, or nothing.
func (p Profile) ServiceEndpoint() string { return p.services["kinesis_video.endpoint_url"] }
