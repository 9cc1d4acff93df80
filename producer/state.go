package producer

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/credentials"
)

// setState notes where the stream stands, and tells of it if that is news. The
// mutex is held.
func (s *Stream) setState(to State, err error) {
	s.log.state(to, err)
	why := ""
	if err != nil {
		why = err.Error()
	}
	if to == s.stats.State && why == s.why {
		return
	}
	s.stats.State, s.why = to, why
	if told := s.config.Events.State; told != nil {
		s.tell(func() { told(to, err) })
	}
}

// explained adds to an error of the server what it means for the stream, so that
// errors.Is finds it.
func explained(err error) error {
	switch code := millrace.CodeOf(err); {
	case err == nil:
		return nil
	case code == millrace.CodeNotFound, code == millrace.CodeStreamDeleted, code == millrace.CodeStreamNotActive:
		return fmt.Errorf("%w: %w", ErrStreamNotFound, err)
	case unauthorized(code), errors.Is(err, credentials.ErrMissing), errors.Is(err, credentials.ErrExpired):
		return fmt.Errorf("%w: %w", ErrNotAuthorized, err)
	}
	return err
}

func unauthorized(code millrace.Code) bool {
	switch code {
	case millrace.CodeMissingToken, millrace.CodeIncompleteSignature, millrace.CodeInvalidSignature,
		millrace.CodeUnknownKey, millrace.CodeExpiredToken, millrace.CodeAccessDenied, millrace.CodeNotAuthorized:
		return true
	}
	return false
}
