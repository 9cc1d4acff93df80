package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	regionPattern  = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)
	accountPattern = regexp.MustCompile(`^[0-9]{12}$`)
)

// Validate reports everything that is wrong with the settings, one line each.
func (s Server) Validate() error {
	return errors.Join(s.checkAddresses(), s.checkIdentity(), s.checkLimits(), s.checkDisk(), s.checkLog())
}

func (s Server) checkAddresses() error {
	var errs []error
	if s.Data == "" {
		errs = append(errs, errors.New("data: a directory is needed (--data DIR)"))
	}
	if _, _, err := net.SplitHostPort(s.Listen); err != nil {
		errs = append(errs, fmt.Errorf("listen: %q is not host:port, as in :8080", s.Listen))
	}
	if s.MetricsListen != "" {
		if _, _, err := net.SplitHostPort(s.MetricsListen); err != nil {
			errs = append(errs, fmt.Errorf("metrics-listen: %q is not host:port, as in 127.0.0.1:9464", s.MetricsListen))
		}
	}
	return errors.Join(append(errs, checkURL("public-url", s.PublicURL), checkURL("otlp-endpoint", s.OTLPEndpoint), s.checkTLS())...)
}

func checkURL(name, text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || strings.HasSuffix(text, "/") {
		return fmt.Errorf("%s: %q is not an http or https URL without a trailing slash, as in https://video.example.net", name, text)
	}
	return nil
}

func (s Server) checkIdentity() error {
	var errs []error
	if !regionPattern.MatchString(s.Region) {
		errs = append(errs, fmt.Errorf("region: %q is not like us-east-1", s.Region))
	}
	if !accountPattern.MatchString(s.Account) {
		errs = append(errs, fmt.Errorf("account: %q is not twelve digits (in a YAML file, quoted)", s.Account))
	}
	if (s.AccessKeyID == "") != (s.SecretAccessKey == "") {
		errs = append(errs, errors.New("access-key-id and secret-access-key need each other"))
	}
	return errors.Join(append(errs, oneOf("profile", string(s.Profile), string(ProfileDefault), string(ProfileAWS)))...)
}

// leastConnections leaves some for media and some for the server's care.
const leastConnections = 8

// leastPlayback has room for a few segments, in bytes.
const leastPlayback = 1 << 20

func (s Server) checkLimits() error {
	var errs []error
	for _, d := range []struct {
		name        string
		value, from time.Duration
	}{
		{"clock-skew", s.ClockSkew, time.Second},
		{"idle-timeout", s.IdleTimeout, 0},
		{"max-connection-age", s.MaxConnectionAge, 0},
		{"max-fragment-duration", s.MaxFragmentDuration, time.Second},
		{"reader-idle-timeout", s.ReaderIdleTimeout, 0},
		{"playback-idle", s.PlaybackIdle, 0},
		{"shutdown-timeout", s.ShutdownTimeout, 0},
	} {
		if d.value < d.from {
			errs = append(errs, fmt.Errorf("%s: %v is less than %v", d.name, d.value, d.from))
		}
	}
	for _, n := range []struct {
		name  string
		value int
	}{
		{"max-sessions", s.MaxSessions},
		{"max-files", s.MaxFiles},
		{"max-file-fragments", s.MaxFileFragments},
	} {
		if n.value < 1 {
			errs = append(errs, fmt.Errorf("%s: %d is less than 1", n.name, n.value))
		}
	}
	for _, n := range []struct {
		name  string
		value int
	}{
		{"max-readers", s.MaxReaders},
		{"max-list-readers", s.MaxListReaders},
		{"clip-fragments", s.ClipFragments},
		{"max-codec-changes", s.MaxCodecChanges},
		{"fragment-rate", s.FragmentRate},
		{"max-streams", s.MaxStreams},
		{"metadata-points", s.MetadataPoints},
		{"media-points", s.MediaPoints},
	} {
		if n.value < 0 {
			errs = append(errs, fmt.Errorf("%s: %d is less than 0", n.name, n.value))
		}
	}
	errs = append(
		errs,
		checkRate("session-rate", s.SessionRate), checkRate("reader-rate", s.ReaderRate),
		oneOf("session-overflow", string(s.SessionOverflow), string(OverflowCloseIdlest), string(OverflowRefuseNew)),
	)
	if s.MaxConnections != 0 && s.MaxConnections < leastConnections {
		errs = append(errs, fmt.Errorf("max-connections: %d is less than %d", s.MaxConnections, leastConnections))
	}
	if s.PlaybackSessions < 1 {
		errs = append(errs, fmt.Errorf("playback-sessions: %d is less than 1", s.PlaybackSessions))
	}
	if s.PlaybackMemory != 0 && s.PlaybackMemory < leastPlayback {
		errs = append(errs, fmt.Errorf("playback-memory: %v is less than %v", s.PlaybackMemory, Size(leastPlayback)))
	}
	if s.Memory != 0 && s.Memory < 64<<20 {
		errs = append(errs, fmt.Errorf("memory: %v is less than 64MiB, which one fragment may need", s.Memory))
	}
	return errors.Join(errs...)
}

// minRate keeps a unit that was forgotten from stopping all media, in bytes a
// second.
const minRate = 1 << 10

func checkRate(name string, rate Size) error {
	if rate != 0 && rate < minRate {
		return fmt.Errorf("%s: %v is less than %v", name, rate, Size(minRate))
	}
	return nil
}

// The bounds of what the disk may hold.
const (
	minCapacity = 128 << 20 // a pack or two, the index, and something to delete
	maxLanes    = 8
)

func (s Server) checkDisk() error {
	var errs []error
	if s.Capacity != 0 && s.Capacity < minCapacity {
		errs = append(errs, fmt.Errorf("capacity: %v is less than %v", s.Capacity, Size(minCapacity)))
	}
	if s.Lanes < 1 || s.Lanes > maxLanes {
		errs = append(errs, fmt.Errorf("lanes: %d is not 1 to %d", s.Lanes, maxLanes))
	}
	return errors.Join(append(errs, oneOf("when-full", string(s.WhenFull), string(FullOldestFirst), string(FullRefuseNew)))...)
}

func (s Server) checkLog() error {
	return errors.Join(
		oneOf("log-level", s.LogLevel, "debug", "info", "warn", "error"),
		oneOf("log-format", s.LogFormat, "text", "json"),
	)
}

func oneOf(name, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%s: %q is not one of %s", name, value, strings.Join(allowed, ", "))
}
