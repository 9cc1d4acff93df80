-- What the fragments of a page cover, encoded, so that it is known without its
-- data. Pages that were written before have none until they are written again.
ALTER TABLE pages ADD COLUMN summary BLOB;
