package checkpoint

import (
	"fmt"
	"regexp"
	"strings"
)

// A Dialect is the language of a database.
type Dialect uint8

// The dialects.
const (
	SQLite     Dialect = iota + 1 // 3.35 and later
	PostgreSQL                    // 10 and later
)

// String names the dialect.
func (d Dialect) String() string {
	switch d {
	case SQLite:
		return "SQLite"
	case PostgreSQL:
		return "PostgreSQL"
	}
	return fmt.Sprintf("Dialect(%d)", uint8(d))
}

// statements are the texts of a store. A lease that has expired keeps its
// owner in the table, so that he can renew it if nobody has taken it; expires is
// 0 if there is none. Times are milliseconds since 1970.
type statements struct {
	create, probe, load, save, saveFree, acquire, release, remove, list string
}

// What a row shows: an expired lease as none.
const shownColumns = `stream, position, CASE WHEN expires > @now THEN owner ELSE '' END, epoch,
	CASE WHEN expires > @now THEN expires ELSE 0 END, updated`

// template returns the statements in neither dialect: @now is the time, $1 the
// first argument, c the row that is there.
func template() statements {
	return statements{
		create: `CREATE TABLE IF NOT EXISTS @table (
			app @text NOT NULL,
			stream @text NOT NULL,
			position @bytes NOT NULL,
			owner @text NOT NULL,
			epoch BIGINT NOT NULL,
			expires BIGINT NOT NULL,
			updated BIGINT NOT NULL,
			PRIMARY KEY (app, stream))`,
		probe: `SELECT ` + shownColumns + ` FROM @table WHERE app = '' AND app <> ''`,
		load:  `SELECT ` + shownColumns + ` FROM @table WHERE app = $1 AND stream = $2`,
		save: `UPDATE @table
			SET position = $3, owner = $4, updated = @now, expires = CASE WHEN $4 = '' THEN 0 ELSE expires END
			WHERE app = $1 AND stream = $2 AND epoch = $5 AND (owner = $4 OR $4 = '' AND expires <= @now)`,
		saveFree: `INSERT INTO @table AS c (app, stream, position, owner, epoch, expires, updated)
			VALUES ($1, $2, $3, '', 0, 0, @now)
			ON CONFLICT (app, stream) DO UPDATE
			SET position = excluded.position, owner = '', expires = 0, updated = excluded.updated
			WHERE c.expires <= @now`,
		acquire: `INSERT INTO @table AS c (app, stream, position, owner, epoch, expires, updated)
			VALUES ($1, $2, $5, $3, 1, @now + CAST($4 AS BIGINT), 0)
			ON CONFLICT (app, stream) DO UPDATE
			SET owner = excluded.owner, expires = excluded.expires,
				epoch = c.epoch + CASE WHEN c.owner = excluded.owner THEN 0 ELSE 1 END
			WHERE c.owner = excluded.owner OR c.expires <= @now
			RETURNING stream, position, owner, epoch, expires, updated`,
		release: `UPDATE @table SET owner = '', expires = 0 WHERE app = $1 AND stream = $2 AND owner = $3`,
		remove:  `DELETE FROM @table WHERE app = $1 AND stream = $2 AND expires <= @now`,
		list: `SELECT ` + shownColumns + ` FROM @table WHERE app = $1 AND stream > $2
			ORDER BY stream LIMIT $3`,
	}
}

// words returns the spelling of what the dialects say differently. In both the
// time is that of the statement's beginning, and the same all over it.
func (d Dialect) words() []string {
	if d == PostgreSQL {
		return []string{
			"@now", "CAST(extract(epoch FROM statement_timestamp()) * 1000 AS BIGINT)",
			"@text", `TEXT COLLATE "C"`,
			"@bytes", "BYTEA",
		}
	}
	return []string{
		"@now", "(CAST(strftime('%s', 'now') AS INTEGER) * 1000 + CAST(substr(strftime('%f', 'now'), 4) AS INTEGER))",
		"@text", "TEXT",
		"@bytes", "BLOB",
		"$", "?",
	}
}

var tableName = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]{0,62}\.)?[A-Za-z_][A-Za-z0-9_]{0,62}$`)

// statementsFor spells the statements out.
func statementsFor(o SQLOptions) (statements, error) {
	if o.Dialect != SQLite && o.Dialect != PostgreSQL {
		return statements{}, fmt.Errorf("%w: no dialect is set", ErrInvalid)
	}
	if o.Table == "" {
		o.Table = DefaultTable
	}
	if !tableName.MatchString(o.Table) {
		return statements{}, fmt.Errorf("%w: %q is no name of a table", ErrInvalid, o.Table)
	}
	words := strings.NewReplacer(append(o.Dialect.words(), "@table", o.Table)...)
	s := template()
	for _, text := range []*string{&s.create, &s.probe, &s.load, &s.save, &s.saveFree, &s.acquire, &s.release, &s.remove, &s.list} {
		*text = words.Replace(*text)
	}
	return s, nil
}
