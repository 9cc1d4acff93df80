package sqlite

import (
	"context"
	"database/sql"
	"fmt"
)

// relations are what the tables say of one another. Each query returns the
// names of rows for which it is not true. References from one to another are
// checked with the structure.
var relations = [...]struct{ query, fault string }{
	{
		`SELECT s.name FROM streams s LEFT JOIN names n ON n.id = s.id
		WHERE n.name IS NOT s.name OR n.generation IS NOT s.generation
		OR substr(s.arn, -length('/' || n.name || '/' || n.created_ms)) != '/' || n.name || '/' || n.created_ms`,
		"stream %v is not the latest of its name",
	},
	{
		`SELECT d.id FROM deletions d LEFT JOIN names n ON n.id = d.stream
		WHERE n.name IS NOT d.name OR NOT n.generation >= d.generation`,
		"deletion %v is of no stream that there ever was",
	},
	{
		`SELECT d.kind || ' ' || d.name FROM documents d LEFT JOIN streams s ON s.id = d.stream
		WHERE d.stream != 0 AND d.generation IS NOT s.generation`,
		"document %v is of no stream that there is",
	},
}

func (r *ControlReport) verifyRelations(ctx context.Context, tx *sql.Tx) error {
	for _, relation := range relations {
		rows, err := tx.QueryContext(ctx, relation.query)
		if err != nil {
			return fmt.Errorf("relations: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			found, err := scanRow(rows, 1)
			if err != nil {
				return fmt.Errorf("relations: %w", err)
			}
			r.fault(relation.fault, found[0])
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("relations: %w", err)
		}
	}
	return nil
}
