-- The slide decks linked to the sessions $1. Not sorted: a sort of so many wide rows would spill to disk.
SELECT p.session_id::int8 AS session, p."order"::int4 AS place, p.id::int8 AS link, d.id::int8 AS document, d.name,
       d.title, d.rev, d.external_url, d.uploaded_filename
  FROM {schema}.meeting_session_materials p
  JOIN {schema}.doc_document d ON d.id = p.document_id AND d.type_id = 'slides'
 WHERE p.session_id = ANY (ARRAY(SELECT unnest($1)))
