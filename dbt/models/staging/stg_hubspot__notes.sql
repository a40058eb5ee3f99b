select
    engagementId as engagement_id,
    body,
    extra
from {{ source('hubspot', 'engagement_notes') }}
