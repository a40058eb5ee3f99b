select
    engagementId as engagement_id,
    `role` as role,
    `position` as position,
    email,
    firstName as first_name,
    lastName as last_name,
    raw,
    extra
from {{ source('hubspot', 'engagement_email_recipients') }}
