-- By what upkeep looks: the notices of one book to one webhook in their order, and answers by their age.
-- The book, and the age below, as they stand in the JSON: functions of JSON are not for indexes of a distrusted schema.
CREATE INDEX deliveries_lines ON deliveries (
    webhook_id,
    substr(substr(data, instr(data, '"book_id":"') + 11), 1,
        instr(substr(data, instr(data, '"book_id":"') + 11), '"') - 1),
    created_at, id
) WHERE due_at IS NOT NULL;
CREATE INDEX remembered_ages ON remembered (CAST(substr(data, instr(data, '"created_at":') + 13) AS INTEGER));
