-- Numerical features of everybody who answered all questions.
with people as (
    -- The delivery holds some rows twice.
    select distinct * from {{ source('census') }}
),

complete as (
    -- `?` was read as null (see sources/census.yml).
    select
        -- After `distinct` the content is the identity: the key is the same whenever and in whatever order it is read.
        ('0x' || substr(md5(concat_ws(
            '|', age, workclass, fnlwgt, education, "education.num", "marital.status", occupation, relationship, race,
            sex, "capital.gain", "capital.loss", "hours.per.week", "native.country", income
        )), 1, 15))::bigint as person_id,
        *
    from people
    where age is not null and workclass is not null and fnlwgt is not null and education is not null
        and "education.num" is not null and "marital.status" is not null and occupation is not null
        and relationship is not null and race is not null and sex is not null and "capital.gain" is not null
        and "capital.loss" is not null and "hours.per.week" is not null and "native.country" is not null
        and income is not null
)

select
    person_id,
    age,
    fnlwgt,
    "education.num" as education_num,
    "capital.gain" as capital_gain,
    "capital.loss" as capital_loss,
    "hours.per.week" as hours_per_week,
    case income when '<=50K' then 1 when '>50K' then 0 end::bigint as income
from complete
