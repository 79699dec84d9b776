//! What lies in a database, whatever its schema.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// The names of its tables.
///
/// # Errors
/// When the database cannot be read.
pub fn tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// Every text and every blob in it, each on a line of its own: for whoever looks for what should not be there.
///
/// # Errors
/// When the database cannot be read.
pub fn contents(connection: &Connection) -> rusqlite::Result<Vec<u8>> {
    let mut contents = Vec::new();
    for table in tables(connection)? {
        let mut statement = connection.prepare_cached(&format!("SELECT * FROM \"{table}\""))?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = row.get_ref(column)? {
                    contents.extend_from_slice(bytes);
                    contents.push(b'\n');
                }
            }
        }
    }
    Ok(contents)
}
