-- Once this is built, a change that breaks readers wants a new version: house.v2.sql, and `version: 2` in house.yml.
select
    house_id,
    area,
    rooms,
    2025 - year_built as age,
    sold_within_month
from {{ source('houses') }}
where area is not null
