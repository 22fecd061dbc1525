"""Where every file and number comes from: a library that knows nothing of scaling laws."""
