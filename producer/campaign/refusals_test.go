package campaign_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/producer/producertest"
)

// Whatever a server answers instead of taking media, or of a control call, the
// stream goes on when it answers as it should.
func TestEveryRefusal(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for name, refusal := range map[string]producertest.Refusal{
		"400":                   {Status: 400, Exception: "InvalidArgumentException"},
		"too many calls":        {Status: 400, Exception: "ClientLimitExceededException"},
		"401":                   {Status: 401, Exception: "NotAuthorizedException"},
		"access is denied":      {Status: 403, Exception: "AccessDeniedException"},
		"the token has expired": {Status: 403, Exception: "ExpiredTokenException"},
		"404":                   {Status: 404, Exception: "ResourceNotFoundException"},
		"429":                   {Status: 429, Exception: "ClientLimitExceededException", RetryAfter: 7 * time.Second},
		"500":                   {Status: 500, Exception: "InternalFailure"},
		"503":                   {Status: 503, Exception: "ServiceUnavailable", RetryAfter: 5 * time.Second},
		"no reason":             {Status: 418},
	} {
		for _, op := range []producertest.Operation{producertest.DescribeStream, producertest.GetDataEndpoint} {
			story(t, fmt.Sprint(name, " of ", op), func(c *producertest.Config) {
				c.Answers = map[producertest.Operation][]producertest.Answer{op: {{Refusal: refusal}, {Refusal: refusal}}}
			})
		}
		story(t, name+" of media", func(c *producertest.Config) {
			// The call before it is cut, so that it comes in mid-stream.
			c.Steps = []producertest.Step{
				{Faults: []producertest.Fault{{At: producertest.AtBlock, Fragment: 2, Do: producertest.Reset}}},
				{Refuse: refusal},
				{Refuse: refusal},
			}
		})
		story(t, name+" from the beginning", func(c *producertest.Config) {
			c.Steps = []producertest.Step{{Refuse: refusal}, {Refuse: refusal}}
		})
	}
}
