-- The slide decks linked to the sessions $1. Not sorted: a sort of so many wide rows would spill to disk.
SELECT p.session_id::int8 AS session, p."order"::int4 AS place, p.id::int8 AS link, d.id::int8 AS document, d.name,
       d.title, d.rev, d.external_url, d.uploaded_filename
  FROM {schema}.meeting_session_materials p
 CROSS JOIN LATERAL (SELECT x.id, x.name, x.title, x.rev, x.external_url, x.uploaded_filename
                       FROM {schema}.doc_document x WHERE x.id = p.document_id AND x.type_id = 'slides' LIMIT 1) d
 WHERE p.session_id = ANY (ARRAY(SELECT unnest($1)))
