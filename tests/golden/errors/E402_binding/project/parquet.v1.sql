select id from 'data/census.parquet'
