package consumertest

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// created is when all streams were made, in seconds of the epoch: 2000-01-01.
const created = 946684800

// parameters is the members of all operations.
type parameters struct {
	StreamName          millrace.StreamName
	StreamARN           string
	APIName             string
	StartSelector       *selector
	Fragments           []string
	FragmentSelector    *fragmentSelector
	MaxResults          int
	NextToken           string
	StreamNameCondition struct{ ComparisonValue string }
}

// operate answers an operation without media.
func (s *Server) operate(op Operation, in parameters, a Answer, host string) (any, error) {
	if op == ListStreams {
		return s.listStreams(in), nil
	}
	stream, err := s.named(in.StreamName)
	if err != nil {
		return nil, err
	}
	switch op {
	case GetDataEndpoint:
		return map[string]string{"DataEndpoint": cmp.Or(a.Endpoint, s.dataEndpoint(host))}, nil
	case DescribeStream:
		return map[string]any{"StreamInfo": stream.describe()}, nil
	case ListTagsForStream:
		stream.mu.Lock()
		defer stream.mu.Unlock()
		return map[string]any{"Tags": stream.tags}, nil
	case ListFragments:
		return stream.list(in, s.config.Page, a.Twice)
	}
	return nil, millrace.Errorf(millrace.CodeUnknownOperation, "There is no such operation.")
}

// named is a stream that is there.
func (s *Server) named(name millrace.StreamName) (*Stream, error) {
	missing := millrace.Errorf(millrace.CodeNotFound, "The requested stream is not found or not active.")
	s.mu.Lock()
	known := len(s.config.Streams) == 0 || s.streams[name] != nil
	s.mu.Unlock()
	if name == "" || !known {
		return nil, missing
	}
	stream := s.Stream(name)
	stream.mu.Lock()
	defer stream.mu.Unlock()
	if stream.gone {
		return nil, missing
	}
	return stream, nil
}

// listStreams is a page of the streams, by name.
func (s *Server) listStreams(in parameters) any {
	s.mu.Lock()
	var all []*Stream
	for _, stream := range s.streams {
		all = append(all, stream)
	}
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b *Stream) int { return strings.Compare(string(a.name), string(b.name)) })
	after, _ := base64.StdEncoding.DecodeString(in.NextToken) // what is none begins at the front
	list := []any{}
	for _, stream := range all {
		described := stream.describe()
		if described == nil || string(stream.name) <= string(after) || !strings.HasPrefix(string(stream.name), in.StreamNameCondition.ComparisonValue) {
			continue
		}
		if len(list) == pageSize(in.MaxResults, s.config.Page) {
			last := list[len(list)-1].(map[string]any)["StreamName"].(millrace.StreamName)
			return map[string]any{"StreamInfoList": list, "NextToken": base64.StdEncoding.EncodeToString([]byte(last))}
		}
		list = append(list, described)
	}
	return map[string]any{"StreamInfoList": list}
}

// pageSize is how many entries a page has.
func pageSize(asked, most int) int {
	size := cmp.Or(asked, DefaultPage)
	if most > 0 {
		size = min(size, most)
	}
	return size
}

// describe is nil for a stream that was deleted.
func (s *Stream) describe() map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return nil
	}
	arn := millrace.StreamARN{Partition: "aws", Region: "us-east-1", Account: "000000000000", Name: s.name, Created: time.Unix(created, 0).UTC()}
	return map[string]any{
		"StreamName":           s.name,
		"StreamARN":            arn.String(),
		"Version":              "1",
		"Status":               millrace.StatusActive.String(),
		"CreationTime":         created,
		"DataRetentionInHours": int(s.retention / time.Hour),
	}
}

// decode reads the members of an operation.
func decode(body []byte) (parameters, error) {
	var in parameters
	if err := json.Unmarshal(body, &in); err != nil {
		return in, millrace.Errorf(millrace.CodeSerialization, "The body is not JSON.")
	}
	if arn, err := millrace.ParseStreamARN(in.StreamARN); err == nil {
		in.StreamName = arn.Name
	}
	return in, nil
}

// authenticate looks at the signature of a request.
func (s *Server) authenticate(r *http.Request, body []byte) error {
	if s.config.Unsigned {
		return nil
	}
	a, err := wire.ParseAuthorization(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	key, ok := s.keys[a.Credential.KeyID]
	none := len(s.keys) == 0
	s.mu.Unlock()
	switch {
	case none:
		return nil
	case !ok || a.Token != key.SessionToken:
		return millrace.Errorf(millrace.CodeUnknownKey, "The security token included in the request is invalid.")
	case !key.Expires.IsZero() && !time.Now().Before(key.Expires):
		return millrace.Errorf(millrace.CodeExpiredToken, "The security token included in the request is expired.")
	}
	return s.verifier.Verify(r, a, key.SecretAccessKey, wire.BodyPayload(body), s.now())
}
