select
    engagementId as engagement_id,
    objectType as object_type,
    objectId as object_id,
    associationKey as association_key
from {{ source('hubspot', 'engagement_associations') }}
