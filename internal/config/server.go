package config

import "time"

// A Profile is a set of defaults: how far the server imitates the limits of
// the service whose protocol it speaks.
type Profile string

// The profiles.
const (
	ProfileDefault Profile = "default" // generous
	ProfileAWS     Profile = "aws"     // the service's own limits, for conformance tests
)

// An Overflow says what happens when a stream has as many PutMedia sessions as
// it can have, and one more begins.
type Overflow string

// What happens to one session too many.
const (
	OverflowCloseIdlest Overflow = "close-idlest" // it is served, and the one that is silent longest ends with 4003
	OverflowRefuseNew   Overflow = "refuse-new"   // it is told ConnectionLimitExceededException
)

// Server is every setting of the server. The name tag is the setting's name;
// the other tags describe it to whoever offers it as a flag. A setting without
// help is not for the command line, where other users of the machine would see
// it. Values come from Default or Load; a Server made by hand has to be
// validated by the maker.
type Server struct {
	// Data is the directory that holds streams, media and the root key.
	Data string `name:"data" help:"Directory that holds streams, media and keys." placeholder:"DIR"`
	// Listen is the TCP address of the API, host and port; the host may be empty.
	Listen string `name:"listen" help:"Address to listen on (:8080)." placeholder:"ADDR"`
	// PublicURL is what GetDataEndpoint answers; empty means the listener's
	// scheme and port and the host name by which the client came. No trailing slash.
	PublicURL string `name:"public-url" help:"URL under which clients reach this server, if it is not the address they came by." placeholder:"URL"`
	// TLSCert and TLSKey are PEM files; both or neither.
	TLSCert string `name:"tls-cert" help:"Certificate chain, PEM; serves https." placeholder:"FILE"`
	TLSKey  string `name:"tls-key" help:"Key of the certificate, PEM." placeholder:"FILE"`
	// TLSAuto serves https with a certificate of the server's own authority,
	// which it makes at its first start and keeps under Data.
	TLSAuto bool `name:"tls-auto" help:"Serve https with a certificate of an authority that the server makes."`
	// TLSNames are further names of that certificate, beside the machine's and AWS's.
	TLSNames List `name:"tls-names" help:"Further host names and addresses for --tls-auto, separated by commas." placeholder:"NAMES"`
	// TLSRegions are regions whose AWS host names that certificate has, beside Region.
	TLSRegions List `name:"tls-regions" help:"Further regions whose AWS host names --tls-auto covers." placeholder:"REGIONS"`
	// ACMENames are public host names for which an ACME server, such as Let's
	// Encrypt, gives certificates; to set them is to agree to its terms.
	ACMENames List `name:"acme-names" help:"Public host names to get certificates for by ACME, whose server's terms you agree to." placeholder:"NAMES"`
	// ACMEEmail is what the ACME server may write to.
	ACMEEmail string `name:"acme-email" help:"Address for the ACME server to write to." placeholder:"EMAIL"`
	// ACMEDirectory is the URL of the ACME server's directory; empty is Let's Encrypt.
	ACMEDirectory string `name:"acme-directory" help:"Directory of the ACME server (Let's Encrypt)." placeholder:"URL"`
	// ACMERoot is a PEM file of authorities for talking to a private ACME server.
	ACMERoot string `name:"acme-root" help:"Authorities to trust when talking to a private ACME server, PEM." placeholder:"FILE"`
	// RoleAliases are the names under which devices ask for credentials, and how
	// long those are good.
	RoleAliases RoleAliases `name:"role-aliases" help:"Role aliases for devices and how long their credentials are good, 15m to 12h (camera=1h)." placeholder:"ALIASES"`

	// Region and Account stand in ARNs.
	Region  string `name:"region" help:"Region in the ARNs (us-east-1); clients may sign for any." placeholder:"REGION"`
	Account string `name:"account" help:"Account in the ARNs (000000000000)." placeholder:"ID"`
	// Profile chooses the defaults of the limits below.
	Profile Profile `name:"profile" help:"Limits: default is generous, aws imitates the service." placeholder:"NAME"`

	// AccessKeyID and SecretAccessKey are the root key; both or neither. With
	// neither the server makes one at its first start and keeps it under Data.
	AccessKeyID     string `name:"access-key-id" kong:"-"`
	SecretAccessKey string `name:"secret-access-key" kong:"-"`
	// ClockSkew is how far a signature's time may be from the server's.
	ClockSkew time.Duration `name:"clock-skew" help:"How far a client's clock may be off (5m)." placeholder:"D"`

	// KeepPartial keeps a fragment whose connection broke up to its last whole
	// block, flagged incomplete, instead of dropping it.
	KeepPartial bool `name:"keep-partial" help:"Keep fragments whose connection broke, up to their last whole block."`
	// IdleTimeout closes a PutMedia session that sent nothing for so long; 0 never does.
	IdleTimeout time.Duration `name:"idle-timeout" help:"Close a producer's session after so long without data (30s); 0 is never." placeholder:"D"`
	// MaxConnectionAge ends PutMedia sessions of that age with code 4003; 0 never does.
	MaxConnectionAge time.Duration `name:"max-connection-age" help:"End a producer's session at that age (0, never)." placeholder:"D"`
	// MaxSessions is how many PutMedia sessions one stream can have; SessionOverflow
	// says what happens above it.
	MaxSessions     int      `name:"max-sessions" help:"Producer sessions per stream (16)." placeholder:"N"`
	SessionOverflow Overflow `name:"session-overflow" help:"When a stream has too many sessions: close-idlest, or refuse-new (close-idlest)." placeholder:"POLICY"`
	// SessionRate is how many bytes a second one PutMedia session is read at; 0 is
	// as many as come.
	SessionRate Size `name:"session-rate" help:"Bytes a second that a producer's session is read at (0, no limit)." placeholder:"SIZE"`
	// FragmentRate is how many fragments a second one PutMedia session or GetMedia
	// response carries, of whatever size; 0 bounds only small ones that come in.
	FragmentRate int `name:"fragment-rate" help:"Fragments a second of one session or reader; more wait (0, no limit)." placeholder:"N"`
	// StrictTimecodes refuses a Cluster whose timecode is that of the one before
	// with 4004, as always one whose timecode is less.
	StrictTimecodes bool `name:"strict-timecodes" help:"Refuse a fragment with the timecode of the one before."`
	// MaxFragmentDuration is the longest span of block times in one fragment.
	MaxFragmentDuration time.Duration `name:"max-fragment-duration" help:"Longest fragment (20s)." placeholder:"D"`
	// LenientHeaders takes a second Matroska header in one call for new tracks,
	// instead of ending the session.
	LenientHeaders bool `name:"lenient-headers" help:"Accept a second Matroska header in one session."`
	// AckWithoutRetention sends PERSISTED on streams of zero retention too, once a
	// fragment is in memory: some producers wait for it at their end.
	AckWithoutRetention bool `name:"ack-without-retention" help:"Send PERSISTED on streams without retention too."`
	// LenientTracks accepts fragments in which a track of the header has no block.
	LenientTracks bool `name:"lenient-tracks" help:"Accept fragments in which a track is silent."`

	// ReaderIdleTimeout ends a GetMedia response that has had no new fragment
	// for so long; 0 never does.
	ReaderIdleTimeout time.Duration `name:"reader-idle-timeout" help:"End a live reader's response after so long without a fragment (30s); 0 is never." placeholder:"D"`
	// MaxReaders is how many GetMedia responses one stream can have; 0 is no limit.
	MaxReaders int `name:"max-readers" help:"Live readers per stream (0, no limit)." placeholder:"N"`
	// ReaderRate is how many bytes a second one response of GetMedia or
	// GetMediaForFragmentList carries; 0 is as many as the client takes.
	ReaderRate Size `name:"reader-rate" help:"Bytes a second that a reader is sent (0, no limit)." placeholder:"SIZE"`
	// MaxListReaders is how many GetMediaForFragmentList responses one stream can
	// have; 0 is no limit.
	MaxListReaders int `name:"max-list-readers" help:"Readers of lists of fragments per stream (0, no limit)." placeholder:"N"`
	// StrictRanges refuses time ranges of archived media that reach out of a
	// stream's retention, instead of finding what there is.
	StrictRanges bool `name:"strict-ranges" help:"Refuse time ranges that reach out of a stream's retention."`

	// StrictPlayback plays only what the service plays: its tables of codecs and
	// tracks, and no change of them within a clip.
	StrictPlayback bool `name:"strict-playback" help:"Play only the codecs and tracks that the service plays."`
	// MaxCodecChanges is how often codec private data may change within a
	// playback session; 0 is no limit.
	MaxCodecChanges int `name:"max-codec-changes" help:"Changes of codec private data within a playback session (0, no limit)." placeholder:"N"`
	// PlaybackIdle ends the playlists of live playback after so long without a
	// fragment; 0 never does.
	PlaybackIdle time.Duration `name:"playback-idle" help:"End a live playlist after so long without a fragment (0, never)." placeholder:"D"`
	// PlaybackSessions is how many playback sessions are kept in memory; others
	// are made again when they are asked for.
	PlaybackSessions int `name:"playback-sessions" help:"Playback sessions kept in memory (1000)." placeholder:"N"`
	// PlaybackMemory is how much of Memory packaged segments may take; 0 is an
	// eighth of it.
	PlaybackMemory Size `name:"playback-memory" help:"Memory for segments that players share (0, an eighth of the memory)." placeholder:"SIZE"`
	// ClipFragments and ClipBytes are how many fragments, and bytes of media, a clip
	// has at most; the rest of its range is left out. 0 is no limit.
	ClipFragments int  `name:"clip-fragments" help:"Fragments of a clip (0, no limit)." placeholder:"N"`
	ClipBytes     Size `name:"clip-bytes" help:"Bytes of media of a clip (0, no limit)." placeholder:"SIZE"`
	// MaxFiles is how many files and clips are written at once, of all streams;
	// MaxFileFragments is how many fragments one of them may have.
	MaxFiles         int `name:"max-files" help:"Files and clips that are written at once (64)." placeholder:"N"`
	MaxFileFragments int `name:"max-file-fragments" help:"Fragments of one file or clip (50000)." placeholder:"N"`

	// MaxStreams is how many streams there can be; 0 is no limit.
	MaxStreams int `name:"max-streams" help:"Streams (0, no limit)." placeholder:"N"`
	// Rates bound the requests of each operation, those a second of the account
	// and of each stream.
	Rates Rates `name:"rates" help:"Requests a second of operations: none, aws, or such as 'aws,DescribeStream=300/5' for the account and for each stream (none)." placeholder:"RULES"`
	// MetadataPoints and MediaPoints are how many fragments a second of one stream
	// the operations on archived media may ask about, and load; 0 is no limit.
	MetadataPoints int `name:"metadata-points" help:"Fragments a second of one stream that may be asked about (0, no limit)." placeholder:"N"`
	MediaPoints    int `name:"media-points" help:"Archived fragments a second of one stream that may be loaded (0, no limit)." placeholder:"N"`

	// Capacity is how many bytes media may take on the disk; 0 is what the file
	// system has, less Reserve.
	Capacity Size `name:"capacity" help:"Disk space that media may take (0, all but the reserve)." placeholder:"SIZE"`
	// Reserve is how much of the file system stays free; 0 is chosen by the
	// file system's size.
	Reserve Size `name:"reserve" help:"Disk space that stays free for others (0, by the disk's size)." placeholder:"SIZE"`
	// WhenFull is what happens when there is no room for more.
	WhenFull FullPolicy `name:"when-full" help:"When the disk is full: oldest-first deletes the oldest media, refuse-new turns producers away (oldest-first)." placeholder:"POLICY"`
	// Capacities bound what single streams, or the streams with a tag, keep.
	// The oldest goes first.
	Capacities CapacityRules `name:"capacities" help:"Bounds of single streams or tags, as in 'cam-*=50GiB,tag:site=yard=1TiB'." placeholder:"RULES"`
	// Lanes is how many packs of each class of retention are written at once.
	Lanes int `name:"lanes" help:"Packs written at once for each class of retention (2)." placeholder:"N"`
	// ScrubRate is how many bytes a second the background check of stored
	// media reads; 0 never checks.
	ScrubRate Size `name:"scrub-rate" help:"Bytes a second that the background check of stored media reads (4MiB); 0 is never." placeholder:"SIZE"`

	// Memory is the budget for media in memory; 0 is a quarter of the machine's.
	Memory Size `name:"memory" help:"Memory for media in flight (0, a quarter of the machine's)." placeholder:"SIZE"`
	// MaxConnections is how many connections there may be at once, of which one
	// in eight is not for media; 0 is as many as open files and Memory allow.
	MaxConnections int `name:"max-connections" help:"Connections at once (0, as many as open files and memory allow)." placeholder:"N"`
	// ShutdownTimeout bounds how long an orderly shutdown waits for sessions.
	ShutdownTimeout time.Duration `name:"shutdown-timeout" help:"How long a shutdown waits for sessions to end (10s)." placeholder:"D"`

	// MetricsListen is an address on which metrics and health are served without
	// credentials; empty means that there is none.
	MetricsListen string `name:"metrics-listen" help:"Address that serves metrics and health to everybody, such as 127.0.0.1:9464 (none)." placeholder:"ADDR"`
	// AuditLog is a file that gets a line for each control call, "-" for standard
	// output; empty means none.
	AuditLog string `name:"audit-log" help:"File for a record of every control call; - is standard output (none)." placeholder:"FILE"`
	// OTLPEndpoint is where traces of calls go, by OTLP over HTTP; empty means
	// nowhere.
	OTLPEndpoint string `name:"otlp-endpoint" help:"URL of an OpenTelemetry collector for traces, such as http://localhost:4318 (none); else OTEL_EXPORTER_OTLP_ENDPOINT." placeholder:"URL"`

	// LogLevel is debug, info, warn or error.
	LogLevel string `name:"log-level" help:"debug, info, warn or error (info)." placeholder:"LEVEL"`
	// LogFormat is text or json.
	LogFormat string `name:"log-format" help:"text or json (text)." placeholder:"FORMAT"`
}

// Default returns the settings that hold when nobody says otherwise.
func Default(p Profile) Server {
	s := Server{
		Listen:              ":8080",
		Region:              "us-east-1",
		Account:             "000000000000",
		Profile:             p,
		RoleAliases:         RoleAliases{{Name: "camera", Lifetime: defaultLifetime}},
		ClockSkew:           5 * time.Minute,
		IdleTimeout:         30 * time.Second,
		MaxSessions:         16,
		SessionOverflow:     OverflowCloseIdlest,
		MaxFragmentDuration: 20 * time.Second,
		ReaderIdleTimeout:   30 * time.Second,
		MaxFiles:            64,
		MaxFileFragments:    50_000,
		WhenFull:            FullOldestFirst,
		Lanes:               2,
		PlaybackSessions:    1000,
		ScrubRate:           4 << 20,
		ShutdownTimeout:     10 * time.Second,
		LogLevel:            "info",
		LogFormat:           "text",
	}
	if p == ProfileAWS {
		s.imitate()
	}
	return s
}

// imitate sets the service's own limits. Two sessions may overlap, although it
// speaks of one: its own clients do so when their credentials are renewed.
func (s *Server) imitate() {
	s.MaxConnectionAge = 45 * time.Minute
	s.MaxSessions, s.SessionOverflow = 2, OverflowRefuseNew
	s.SessionRate, s.ReaderRate = 12_500_000, 25_000_000
	s.FragmentRate = 5
	s.StrictTimecodes = true
	s.MaxReaders, s.MaxListReaders = 3, 5
	s.StrictRanges, s.StrictPlayback = true, true
	s.ClipFragments, s.ClipBytes = 200, 100_000_000
	s.MaxCodecChanges = 500
	s.PlaybackIdle = 30 * time.Second
	s.MaxStreams = 10_000
	s.Rates = Rates{{Operation: RatesAWS}}
	s.MetadataPoints, s.MediaPoints = 10_000, 500
}
