select
    id as disposition,
    label as disposition_label,
    deleted as is_deleted
from {{ source('hubspot', 'call_dispositions') }}
