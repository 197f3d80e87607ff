select id from census
