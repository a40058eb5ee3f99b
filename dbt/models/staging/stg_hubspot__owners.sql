{{ config(enabled=var('hubspot_owners')) }}

select
    id as owner_id,
    coalesce(
        nullif(trim(concat_ws(' ', firstName, lastName)), ''), nullif(email, ''), concat('owner ', id)
    ) as owner_name,
    email as owner_email,
    firstName as first_name,
    lastName as last_name,
    `type` as owner_type,
    userId as user_id,
    userIdIncludingInactive as user_id_including_inactive,
    archived as is_archived
from {{ source('hubspot', 'owners') }}
