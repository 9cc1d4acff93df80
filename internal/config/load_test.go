package config_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
)

func write(t *testing.T, yaml string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "millrace.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEachSourceOverrulesTheOnesBeforeIt(t *testing.T) {
	file := write(t, "data: /file\nregion: eu-west-1\nlisten: :1\n")
	for name, tc := range map[string]struct {
		src                  config.Sources
		data, region, listen string
	}{
		"the file overrules the defaults": {
			config.Sources{File: file}, "/file", "eu-west-1", ":1",
		},
		"the environment overrules the file": {
			config.Sources{File: file, Environ: []string{"MILLRACE_DATA=/env"}}, "/env", "eu-west-1", ":1",
		},
		"flags overrule the environment": {
			config.Sources{File: file, Environ: []string{"MILLRACE_DATA=/env"}, Flags: map[string]string{"data": "/flag", "listen": ":2"}},
			"/flag", "eu-west-1", ":2",
		},
		"the environment can name the file": {
			config.Sources{Environ: []string{"MILLRACE_CONFIG=" + file}}, "/file", "eu-west-1", ":1",
		},
		"without a file the defaults hold": {
			config.Sources{Flags: map[string]string{"data": "/flag"}}, "/flag", "us-east-1", ":8080",
		},
	} {
		s, err := config.Load(tc.src)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s.Data != tc.data || s.Region != tc.region || s.Listen != tc.listen {
			t.Errorf("%s: data %q, region %q, listen %q", name, s.Data, s.Region, s.Listen)
		}
	}
}

func TestEverySettingCanBeReadFromText(t *testing.T) {
	text := map[string]string{
		"data": "d", "listen": ":1", "public-url": "https://v.example.net", "role-aliases": "camera=30m,gate",
		"region": "eu-west-1", "account": "123456789012", "profile": "aws", "access-key-id": "a", "secret-access-key": "s",
		"clock-skew": "1m", "keep-partial": "true", "idle-timeout": "2m", "max-connection-age": "1h", "max-sessions": "3", "session-overflow": "close-idlest",
		"session-rate": "1MiB", "reader-rate": "2MiB", "fragment-rate": "9", "strict-timecodes": "false", "max-streams": "11",
		"rates": "aws,DescribeStream=3/2,PutMedia=1", "metadata-points": "12", "media-points": "13",
		"max-fragment-duration": "30s", "lenient-tracks": "true", "lenient-headers": "true", "ack-without-retention": "true", "reader-idle-timeout": "9s", "max-readers": "7", "max-list-readers": "8", "strict-ranges": "false", "strict-playback": "true", "clip-fragments": "21", "clip-bytes": "3MiB", "max-files": "5", "max-file-fragments": "600", "max-codec-changes": "21", "playback-idle": "50s", "playback-sessions": "22", "playback-memory": "23MiB", "max-connections": "99",
		"memory": "2GiB", "capacity": "1TiB", "reserve": "1GiB", "when-full": "refuse-new", "capacities": "cam-*=50GiB,tag:site=yard=1TiB", "lanes": "4", "scrub-rate": "0",
		"metrics-listen": "127.0.0.1:9464", "audit-log": "-", "otlp-endpoint": "http://localhost:4318",
		"shutdown-timeout": "1s", "log-level": "debug", "log-format": "json",
	}
	certificates := map[string]map[string]string{ // of which a server has one
		"files":     {"tls-cert": "c", "tls-key": "k"},
		"authority": {"tls-auto": "true", "tls-names": "a.example, 192.0.2.1", "tls-regions": "eu-west-1,eu-west-2"},
		"ACME":      {"acme-names": "a.example", "acme-email": "a@b.example", "acme-directory": "https://c.example/dir", "acme-root": "r"},
	}
	all := maps.Clone(text)
	for _, c := range certificates {
		maps.Copy(all, c)
	}
	if got, want := slices.Sorted(maps.Keys(all)), slices.Sorted(slices.Values(config.Names())); !slices.Equal(got, want) {
		t.Fatalf("the test sets %v, the settings are %v", got, want)
	}
	want := config.Server{
		Data: "d", Listen: ":1", PublicURL: "https://v.example.net",
		RoleAliases: config.RoleAliases{{Name: "camera", Lifetime: 30 * time.Minute}, {Name: "gate", Lifetime: time.Hour}},
		Region:      "eu-west-1", Account: "123456789012", Profile: config.ProfileAWS, AccessKeyID: "a", SecretAccessKey: "s",
		ClockSkew: time.Minute, KeepPartial: true, IdleTimeout: 2 * time.Minute, MaxConnectionAge: time.Hour, MaxSessions: 3,
		SessionOverflow: config.OverflowCloseIdlest, SessionRate: 1 << 20, ReaderRate: 2 << 20, FragmentRate: 9, MaxStreams: 11,
		Rates:          config.Rates{{Operation: "aws"}, {Operation: "DescribeStream", Account: 3, Resource: 2}, {Operation: "PutMedia", Account: 1}},
		MetadataPoints: 12, MediaPoints: 13,
		MaxFragmentDuration: 30 * time.Second, LenientTracks: true, LenientHeaders: true, AckWithoutRetention: true, ReaderIdleTimeout: 9 * time.Second, MaxReaders: 7, MaxListReaders: 8, StrictPlayback: true, ClipFragments: 21, ClipBytes: 3 << 20, MaxFiles: 5, MaxFileFragments: 600, MaxCodecChanges: 21, PlaybackIdle: 50 * time.Second, PlaybackSessions: 22, PlaybackMemory: 23 << 20, MaxConnections: 99,
		Memory: 2 << 30, Capacity: 1 << 40, Reserve: 1 << 30, WhenFull: config.FullRefuseNew, Lanes: 4,
		Capacities:      config.CapacityRules{{Streams: "cam-*", Size: 50 << 30}, {Tag: "site", Value: "yard", Size: 1 << 40}},
		ShutdownTimeout: time.Second, LogLevel: "debug", LogFormat: "json", MetricsListen: "127.0.0.1:9464", AuditLog: "-", OTLPEndpoint: "http://localhost:4318",
	}
	wants := map[string]func(*config.Server){
		"files": func(s *config.Server) { s.TLSCert, s.TLSKey = "c", "k" },
		"authority": func(s *config.Server) {
			s.TLSAuto, s.TLSNames, s.TLSRegions = true, config.List{"a.example", "192.0.2.1"}, config.List{"eu-west-1", "eu-west-2"}
		},
		"ACME": func(s *config.Server) {
			s.ACMENames, s.ACMEEmail, s.ACMEDirectory, s.ACMERoot = config.List{"a.example"}, "a@b.example", "https://c.example/dir", "r"
		},
	}
	for kind, more := range certificates {
		text, want := maps.Clone(text), want
		maps.Copy(text, more)
		wants[kind](&want)
		var environ []string
		for name, v := range text {
			environ = append(environ, config.EnvironmentName(name)+"="+v)
		}
		for name, src := range map[string]config.Sources{"flags": {Flags: text}, "environment": {Environ: environ}} {
			got, err := config.Load(src)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !reflect.DeepEqual(got, want) || !got.Secure() {
				t.Errorf("%s, certificate from %s:\n got %+v\nwant %+v", name, kind, got, want)
			}
			if back, err := config.Load(config.Sources{File: write(t, got.String()), Environ: []string{"MILLRACE_SECRET_ACCESS_KEY=s"}}); err != nil || !reflect.DeepEqual(back, got) {
				t.Errorf("%s, certificate from %s, printed and read back: %+v, %v", name, kind, back, err)
			}
		}
	}
}

func TestWhatIsPrintedCanBeReadBack(t *testing.T) {
	for _, p := range []config.Profile{config.ProfileDefault, config.ProfileAWS} {
		s := config.Default(p)
		s.Data, s.Memory, s.Account = "/data dir", 3<<30, "000000000012"
		s.Capacities = config.CapacityRules{{Streams: "*", Size: 50 << 30}, {Streams: "[a-c]*", Size: 1 << 30}}
		got, err := config.Load(config.Sources{File: write(t, s.String())})
		if err != nil {
			t.Fatalf("%v\n%s", err, s)
		}
		if !reflect.DeepEqual(got, s) {
			t.Errorf("read back\n%+v\nfrom\n%s", got, s)
		}
	}
}

func TestAFileWritesRulesOneBelowTheOther(t *testing.T) {
	got, err := config.Load(config.Sources{File: write(t, "data: x\ncapacities:\n- '*=50GiB'\n- tag:site=yard=1TiB\n")})
	want := config.CapacityRules{{Streams: "*", Size: 50 << 30}, {Tag: "site", Value: "yard", Size: 1 << 40}}
	if err != nil || !reflect.DeepEqual(got.Capacities, want) {
		t.Errorf("%v, %v", got.Capacities, err)
	}
}

func TestTheSecretIsNotPrinted(t *testing.T) {
	s := config.Default(config.ProfileDefault)
	s.SecretAccessKey = "hush-hush"
	if text := s.String(); strings.Contains(text, "hush") {
		t.Errorf("printed %s", text)
	}
}

func TestBadSettingsAreExplained(t *testing.T) {
	for name, tc := range map[string]struct {
		src  config.Sources
		want []string
	}{
		"a misspelt key names the nearest": {
			config.Sources{File: write(t, "data: x\nidel-timeout: 5s\n")}, []string{"config file", `"idel-timeout"`, `did you mean "idle-timeout"`},
		},
		"a misspelt flag names the nearest": {
			config.Sources{Flags: map[string]string{"regoin": "x"}}, []string{"command line", `did you mean "region"`},
		},
		"a key like nothing known lists all": {
			config.Sources{File: write(t, "colour: blue\n")}, []string{"there is no setting", "data, listen"},
		},
		"keys are case-sensitive": {
			config.Sources{File: write(t, "Data: x\n")}, []string{`did you mean "data"`},
		},
		"a duration needs a unit": {
			config.Sources{File: write(t, "data: x\nidle-timeout: 30\n")}, []string{"config file", "unit"},
		},
		"a rule without a size": {
			config.Sources{Flags: map[string]string{"data": "x", "capacities": "cam-*"}}, []string{"command line", "PATTERN=SIZE"},
		},
		"a rule without a unit": {
			config.Sources{Flags: map[string]string{"data": "x", "capacities": "cam-*=50"}}, []string{"command line", "is a unit missing"},
		},
		"rules as a YAML map": {
			config.Sources{File: write(t, "data: x\ncapacities:\n- door: 5GiB\n")}, []string{"config file", "PATTERN=SIZE"},
		},
		"a tag without a value": {
			config.Sources{Flags: map[string]string{"data": "x", "capacities": "tag:site=1GiB"}}, []string{"tag:NAME=VALUE=SIZE"},
		},
		"a capacity that holds nothing": {
			config.Sources{Flags: map[string]string{"data": "x", "capacity": "1MiB", "lanes": "0"}}, []string{"capacity: 1MiB", "lanes: 0"},
		},
		"too few connections to work with": {
			config.Sources{Flags: map[string]string{"data": "x", "max-connections": "3"}}, []string{"max-connections: 3"},
		},
		"limits that are none": {
			config.Sources{Flags: map[string]string{
				"data": "x", "max-streams": "-1", "fragment-rate": "-2", "media-points": "-3", "session-rate": "12", "reader-rate": "25", "session-overflow": "explode",
			}},
			[]string{"max-streams: -1", "fragment-rate: -2", "media-points: -3", "session-rate: 12 is less than 1KiB", "reader-rate: 25", "session-overflow"},
		},
		"a rate that is none": {
			config.Sources{Flags: map[string]string{"data": "x", "rates": "DescribeStream"}}, []string{"command line", "OPERATION=N/M"},
		},
		"a policy that is none": {
			config.Sources{Flags: map[string]string{"data": "x", "when-full": "explode"}}, []string{"when-full"},
		},
		"no data directory": {
			config.Sources{}, []string{"data: a directory is needed"},
		},
		"a key without its certificate": {
			config.Sources{Flags: map[string]string{"data": "x", "tls-key": "k"}}, []string{"tls-cert and tls-key"},
		},
		"two certificates": {
			config.Sources{Flags: map[string]string{"data": "x", "tls-cert": "c", "tls-key": "k", "tls-auto": "true"}}, []string{"tls-cert and tls-auto exclude each other"},
		},
		"two others": {
			config.Sources{Flags: map[string]string{"data": "x", "acme-names": "a.example", "tls-auto": "true"}}, []string{"tls-auto and acme-names exclude each other"},
		},
		"files and ACME": {
			config.Sources{Flags: map[string]string{"data": "x", "acme-names": "a.example", "tls-cert": "c", "tls-key": "k"}}, []string{"tls-cert and acme-names exclude each other"},
		},
		"names for no certificate": {
			config.Sources{Flags: map[string]string{"data": "x", "tls-names": "a", "acme-email": "a@b", "tls-regions": "x"}},
			[]string{"tls-names is for tls-auto", "tls-regions is for tls-auto", "acme-email is for acme-names"},
		},
		"names that are none": {
			config.Sources{Flags: map[string]string{"data": "x", "tls-auto": "true", "tls-names": "a b", "tls-regions": "US"}}, []string{`tls-names: "a b"`, `tls-regions: "US"`},
		},
		"a name that is not public": {
			config.Sources{Flags: map[string]string{"data": "x", "acme-names": "localhost,*.example.net", "acme-directory": "x"}},
			[]string{`acme-names: "localhost"`, `"*.example.net"`, "acme-directory:"},
		},
		"credentials that are too short": {
			config.Sources{Flags: map[string]string{"data": "x", "role-aliases": "camera=5m"}}, []string{"role-aliases", "15m to 12h"},
		},
		"an account that YAML took for a number": {
			config.Sources{File: write(t, "data: x\naccount: 12\n")}, []string{"account", "quoted"},
		},
		"a public URL with a slash at its end": {
			config.Sources{Flags: map[string]string{"data": "x", "public-url": "https://x/"}}, []string{"public-url"},
		},
		"a profile that is none": {
			config.Sources{Flags: map[string]string{"data": "x", "profile": "azure"}}, []string{"profile", "default, aws"},
		},
		"all mistakes at once": {
			config.Sources{Flags: map[string]string{"listen": "x", "log-level": "loud", "max-sessions": "0"}},
			[]string{"data:", "listen:", "log-level:", "max-sessions:"},
		},
		"a file that is not there": {
			config.Sources{File: filepath.Join(t.TempDir(), "none.yaml")}, []string{"none.yaml"},
		},
		"a file that is no YAML": {
			config.Sources{File: write(t, "\t- :")}, []string{"config file"},
		},
	} {
		_, err := config.Load(tc.src)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, w := range tc.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q does not say %q", name, err, w)
			}
		}
	}
}

func TestTheProfileMovesTheDefaultsButNotWhatWasSet(t *testing.T) {
	file := write(t, "data: x\nprofile: aws\nmax-readers: 9\n")
	s, err := config.Load(config.Sources{File: file})
	if err != nil {
		t.Fatal(err)
	}
	if s.MaxConnectionAge != 45*time.Minute || s.MaxReaders != 9 {
		t.Errorf("max-connection-age %v, max-readers %d", s.MaxConnectionAge, s.MaxReaders)
	}
}

func TestUnknownVariablesAreNamed(t *testing.T) {
	environ := []string{"MILLRACE_DATA=x", "MILLRACE_CONFIG=y", "MILLRACE_REGOIN=z", "MILLRACE_PORT=tcp://10.0.0.1:80", "HOME=/"}
	if got, want := config.Unknown(environ), []string{"MILLRACE_PORT", "MILLRACE_REGOIN"}; !slices.Equal(got, want) {
		t.Errorf("unknown %v, want %v", got, want)
	}
}

func TestDefaultsAreValidOnceThereIsADirectory(t *testing.T) {
	for _, p := range []config.Profile{config.ProfileDefault, config.ProfileAWS} {
		s := config.Default(p)
		s.Data = "x"
		if err := s.Validate(); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]config.Size{
		"0": 0, "17": 17, "1K": 1 << 10, "512MiB": 512 << 20, "2g": 2 << 30, "1TB": 1 << 40, "100B": 100,
	} {
		got, err := config.ParseSize(text)
		if err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
		if again, err := config.ParseSize(got.String()); err != nil || again != got {
			t.Errorf("%s: %s reads back as %d, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"", "K", "-1", "1.5G", "12X", "9999999T"} {
		if got, err := config.ParseSize(text); err == nil {
			t.Errorf("%q was read as %d", text, got)
		}
	}
}

func TestSettingsAreWrittenAsJSONWithoutTheSecret(t *testing.T) {
	s := config.Default(config.ProfileDefault)
	s.Data, s.SecretAccessKey = "d", "hidden"
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if got["data"] != "d" || got["idle-timeout"] != "30s" || got["max-sessions"] != float64(16) || strings.Contains(string(b), "hidden") {
		t.Errorf("%s", b)
	}
}
