package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace"
)

// columns are what scan reads, in its order.
const columns = "id, generation, name, arn, version, status, retention_hours, device_name, media_type, kms_key_id, tier"

// scan reads a stream from a row of columns. No row is ErrNotFound; a row that
// makes no sense is ErrCorrupt.
func scan(row interface{ Scan(...any) error }) (millrace.Stream, error) {
	var s millrace.Stream
	var name, arn, status, tier string
	var hours int64
	err := row.Scan(&s.Key.ID, &s.Key.Generation, &name, &arn, &s.Version, &status, &hours,
		&s.DeviceName, &s.MediaType, &s.KMSKeyID, &tier)
	if errors.Is(err, sql.ErrNoRows) {
		return millrace.Stream{}, millrace.ErrNotFound
	}
	if err != nil {
		return millrace.Stream{}, err
	}
	s.Name, s.Retention = millrace.StreamName(name), time.Duration(hours)*time.Hour
	if s.ARN, err = millrace.ParseStreamARN(arn); err != nil {
		return millrace.Stream{}, fmt.Errorf("%w: %w", millrace.ErrCorrupt, err)
	}
	s.Created = s.ARN.Created
	if s.Status, err = parseStatus(status); err != nil {
		return millrace.Stream{}, err
	}
	if s.Tier, err = millrace.ParseStorageTier(tier); err != nil {
		return millrace.Stream{}, fmt.Errorf("%w: %w", millrace.ErrCorrupt, err)
	}
	return s, nil
}
