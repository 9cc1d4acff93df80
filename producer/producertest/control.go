package producertest

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// created is when all streams were made.
const created = 946684800 // 2000-01-01, in seconds of the epoch

// control answers a control call as the queue of its operation says.
func (l *link) control(op Operation, r *http.Request) error {
	body, err := wire.ReadBody(r)
	if err != nil {
		return err
	}
	script := l.server.nextAnswer(op)
	if !script.Late {
		if err := l.do(script.Delay, script.Do); err != nil {
			return err
		}
	}
	a := l.server.refused(script.Refusal)
	if a.status == 0 {
		a = l.server.perform(op, r, body)
	}
	l.server.note(Event{Kind: Controlled, Op: op, Status: a.status})
	if script.Late {
		return l.late(script, a)
	}
	return a.write(l)
}

// late breaks an answer off in the middle of its head.
func (l *link) late(script Answer, a answer) error {
	head := l.server.head(a.status, a.header, "Content-Length: "+strconv.Itoa(len(a.body)))
	if _, err := l.conn.Write(head[:len(head)/2]); err != nil {
		return err
	}
	if err := l.do(script.Delay, script.Do); err != nil {
		return err
	}
	_, err := l.conn.Write(append(head[len(head)/2:], a.body...))
	return err
}

// refused is the answer of a refusal, and the zero answer for none.
func (s *Server) refused(r Refusal) answer {
	if r.Status == 0 {
		return answer{}
	}
	h := http.Header{}
	if r.Exception != "" {
		h[wire.HeaderErrorType] = []string{r.Exception}
	}
	if r.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(r.RetryAfter/time.Second)))
	}
	return answer{r.Status, h, encode(map[string]string{"Message": r.Message})}
}

// refusedBy is the answer of an error.
func (s *Server) refusedBy(err error) answer {
	name, status := wire.Exception(millrace.CodeOf(err))
	message := ""
	if e, ok := errors.AsType[*millrace.Error](err); ok {
		message = e.Message
	}
	return s.refused(Refusal{Status: status, Exception: name, Message: message})
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte("{}") // what is encoded here can be
	}
	return b
}

// perform does what an operation does.
func (s *Server) perform(op Operation, r *http.Request, body []byte) answer {
	if err := s.authenticate(r, wire.BodyPayload(body)); err != nil {
		return s.refusedBy(err)
	}
	var in parameters
	if err := json.Unmarshal(body, &in); err != nil {
		return s.refusedBy(millrace.Errorf(millrace.CodeSerialization, "The body is not JSON."))
	}
	if arn, err := millrace.ParseStreamARN(in.StreamARN); err == nil {
		in.StreamName = arn.Name
	}
	out, err := s.operate(op, in)
	if err != nil {
		return s.refusedBy(err)
	}
	return answer{status: http.StatusOK, body: encode(out)}
}

// parameters is the members of all operations.
type parameters struct {
	StreamName           millrace.StreamName
	StreamARN            string
	APIName              string
	DataRetentionInHours int
	DeviceName           string
	MediaType            string
	Tags                 map[string]string
}

func (s *Server) operate(op Operation, in parameters) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stream := s.stream(in.StreamName)
	if op == CreateStream {
		return s.create(in)
	}
	if stream == nil {
		return nil, millrace.Errorf(millrace.CodeNotFound, "The requested stream is not found or not active.")
	}
	switch op {
	case DescribeStream:
		return map[string]any{"StreamInfo": describe(*stream)}, nil
	case TagStream:
		if stream.Tags == nil {
			stream.Tags = map[string]string{}
		}
		maps.Copy(stream.Tags, in.Tags)
		return struct{}{}, nil
	case GetDataEndpoint:
		return map[string]string{"DataEndpoint": s.url(Data)}, nil
	}
	return nil, millrace.Errorf(millrace.CodeUnknownOperation, "There is no such operation.")
}

func (s *Server) create(in parameters) (any, error) {
	if _, taken := s.streams[in.StreamName]; taken {
		return nil, millrace.Errorf(millrace.CodeInUse, "The stream is there.")
	}
	s.streams[in.StreamName] = &Stream{
		Name:       in.StreamName,
		Retention:  time.Duration(in.DataRetentionInHours) * time.Hour,
		DeviceName: in.DeviceName,
		MediaType:  in.MediaType,
		Tags:       in.Tags,
	}
	return map[string]string{"StreamARN": arn(in.StreamName).String()}, nil
}

func arn(name millrace.StreamName) millrace.StreamARN {
	return millrace.StreamARN{Partition: "aws", Region: "us-east-1", Account: "000000000000", Name: name, Created: time.Unix(created, 0).UTC()}
}

func describe(s Stream) map[string]any {
	return map[string]any{
		"StreamName":           s.Name,
		"StreamARN":            arn(s.Name).String(),
		"DeviceName":           s.DeviceName,
		"MediaType":            s.MediaType,
		"Version":              "1",
		"Status":               millrace.StatusActive.String(),
		"CreationTime":         created,
		"DataRetentionInHours": int(s.Retention / time.Hour),
	}
}

// authenticate looks at the signature of a request, if there are keys.
func (s *Server) authenticate(r *http.Request, p wire.Payload) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.keys) == 0 {
		return nil
	}
	a, err := wire.ParseAuthorization(r)
	if err != nil {
		return err
	}
	key, ok := s.keys[a.Credential.KeyID]
	switch {
	case !ok || a.Token != key.SessionToken:
		return millrace.Errorf(millrace.CodeUnknownKey, "The security token included in the request is invalid.")
	case !key.Expires.IsZero() && !time.Now().Before(key.Expires):
		return millrace.Errorf(millrace.CodeExpiredToken, "The security token included in the request is expired.")
	}
	return s.verifier.Verify(r, a, key.SecretAccessKey, p, s.now())
}
