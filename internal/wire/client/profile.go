package client

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A profile is one user's settings in the AWS shared files.
type profile struct {
	name     string
	values   map[string]string // of the profile itself
	services map[string]string // of its services section, as "kinesis_video.endpoint_url"
}

func (p profile) get(key string) string { return p.values[key] }

func (p profile) serviceEndpoint() string { return p.services["kinesis_video.endpoint_url"] }

// missingCredentials says why the profile has none, if it names a way to get
// them that this client does not go.
func (p profile) missingCredentials() error {
	for _, key := range [...]string{"credential_process", "sso_session", "sso_start_url", "role_arn", "web_identity_token_file"} {
		if p.get(key) != "" {
			return fmt.Errorf("%w; profile %q uses %s, which is not supported", ErrNoCredentials, p.name, key)
		}
	}
	return ErrNoCredentials
}

// loadProfile reads the profile from the credentials file and from the config
// file. Files that are not there are empty. A profile that somebody asked for
// by name has to exist.
func loadProfile(name string, lookup func(string) string) (profile, error) {
	asked := first(name, lookup("AWS_PROFILE"))
	p := profile{name: first(asked, "default"), values: map[string]string{}}

	config, err := readSections(first(lookup("AWS_CONFIG_FILE"), homeFile(lookup, "config")))
	if err != nil {
		return p, err
	}
	credentials, err := readSections(first(lookup("AWS_SHARED_CREDENTIALS_FILE"), homeFile(lookup, "credentials")))
	if err != nil {
		return p, err
	}
	inConfig := config["profile "+p.name]
	if p.name == "default" && inConfig == nil {
		inConfig = config["default"]
	}
	inCredentials := credentials[p.name]
	if asked != "" && inConfig == nil && inCredentials == nil {
		return p, fmt.Errorf("profile %q is neither in the AWS config file nor in the credentials file", asked)
	}
	for _, section := range []map[string]string{inConfig, inCredentials} { // credentials win
		for k, v := range section {
			p.values[k] = v
		}
	}
	p.services = config["services "+p.get("services")]
	return p, nil
}

func homeFile(lookup func(string) string, name string) string {
	home := first(lookup("HOME"), lookup("USERPROFILE"))
	if home == "" {
		return ""
	}
	return filepath.Join(home, ".aws", name)
}

// readSections reads an AWS file: sections of keys and values. An indented key
// belongs to the key above it that has no value, and is called "above.key".
func readSections(path string) (map[string]map[string]string, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read AWS settings: %w", err)
	}
	defer f.Close()

	sections := map[string]map[string]string{}
	var section map[string]string
	var parent string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		text := strings.TrimSpace(line)
		if text == "" || text[0] == '#' || text[0] == ';' {
			continue
		}
		if name, ok := sectionName(text); ok {
			if section = sections[name]; section == nil {
				section = map[string]string{}
				sections[name] = section
			}
			parent = ""
			continue
		}
		key, value, ok := strings.Cut(text, "=")
		if !ok || section == nil {
			continue
		}
		key, value = strings.ToLower(strings.TrimSpace(key)), trimComment(value)
		indented := line[0] == ' ' || line[0] == '\t'
		switch {
		case indented && parent != "":
			section[parent+"."+key] = value
		case value == "":
			parent = key
		default:
			parent = ""
			section[key] = value
		}
	}
	return sections, nil
}

func sectionName(text string) (string, bool) {
	inner, ok := strings.CutPrefix(text, "[")
	if !ok {
		return "", false
	}
	inner, _, ok = strings.Cut(inner, "]")
	return strings.Join(strings.Fields(inner), " "), ok
}

// trimComment cuts what follows a space and a # or ; off.
func trimComment(value string) string {
	for _, mark := range [...]string{" #", " ;", "\t#", "\t;"} {
		value, _, _ = strings.Cut(value, mark)
	}
	return strings.TrimSpace(value)
}
